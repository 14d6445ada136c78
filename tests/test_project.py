"""Guards on the whole project: sizes, layers, lazy imports, configuration that names real code."""

import ast
import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra.utils import get_object

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "kdlight").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 260, 60


def test_there_is_something_to_guard():
    assert len(FILES) > 50
    assert ROOT / "kdlight/run.py" in FILES


def test_files_are_short():
    long = {str(p.relative_to(ROOT)): n for p in FILES if (n := lines(p)) > LONGEST_FILE}
    assert long == {}


def lines(path):
    return len(path.read_text().splitlines())


def test_functions_are_short():
    long = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = length
    assert long == {}


def test_packages_are_empty_but_their_name():
    inits = [path for path in FILES if path.name == "__init__.py"]
    folders = {path.parent for path in FILES}
    assert {path.parent for path in inits} == folders
    full = [str(p.relative_to(ROOT)) for p in inits if p.parent.name != "kdlight" and p.read_text()]
    assert full == []


def test_no_drawer_for_everything():
    names = {"utils", "util", "helpers", "common", "misc"}
    found = [p for p in FILES if names & {p.stem, *p.relative_to(ROOT).parts}]
    assert found == []


def test_top_level_holds_only_what_was_agreed():
    listed = subprocess.run(
        ["git", "ls-files", "--cached"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    allowed = {"pyproject.toml", "README.md", "conf", "kdlight", "tests", "outputs", ".github"}
    allowed |= {".ci", ".gitignore", "LICENSE", "uv.lock"}
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} <= allowed


def test_imports_run_one_way(monkeypatch):
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    monkeypatch.chdir(ROOT)
    loggers = [v for v in logging.root.manager.loggerDict.values() if hasattr(v, "disabled")]
    before = [logger.disabled for logger in loggers]
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS
    for logger, disabled in zip(loggers, before, strict=True):  # it silences all others
        logger.disabled = disabled


def test_the_planner_imports_nothing_heavy():
    code = (
        "import sys, kdlight.run, kdlight.launch.job, kdlight.launch.table\n"
        "heavy = {'torch', 'transformers', 'lightning', 'datasets', 'wandb', 'sklearn', 'scipy'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []


def targets():
    """(file, dotted path) of every `_target_` under conf/."""

    def walk(node):
        if isinstance(node, dict):
            yield from ([node["_target_"]] if "_target_" in node else [])
            node = list(node.values())
        if isinstance(node, list):
            for value in node:
                yield from walk(value)

    return [
        (str(path.relative_to(ROOT / "conf")), target)
        for path in sorted((ROOT / "conf").rglob("*.yaml"))
        for target in walk(yaml.safe_load(path.read_text()))
    ]


def test_every_target_is_real_code():
    found = targets()
    assert len(found) > 20
    lost = []
    for file, target in found:
        try:
            assert callable(get_object(target))
        except Exception as error:
            lost.append((file, target, str(error)))
    assert lost == []


def test_every_yaml_file_says_what_it_is():
    """Options of the groups a user chooses by hand start with a comment."""
    groups = ("experiment", "scale", "teacher", "student", "task", "trainer", "method", "loss")
    groups += ("paper", "student/tokenizer", "optimizer")
    paths = [path for group in groups for path in (ROOT / "conf" / group).glob("*.yaml")]
    assert len(paths) > 20
    assert [
        p.name for p in paths if not any(s.startswith("# ") for s in p.read_text().splitlines()[:2])
    ] == []


def test_the_network_is_out_of_reach():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        with pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
            client.connect(("192.0.2.1", 80))
        with pytest.raises(PermissionError, match=r"example\.invalid"):
            client.connect_ex(("example.invalid", 80))


def test_this_machine_stays_within_reach():
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, server.getsockname()[1]), timeout=5) as client:
                assert client.getpeername()[0] == "127.0.0.1"
