"""Names made of content change with it and with nothing else."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdlight.artifacts import fingerprint as module
from kdlight.artifacts.fingerprint import VERSIONS, fingerprint, hash_file, hash_folder

CONFIG = {"lr": 0.001, "task": {"name": "rte", "labels": ["a", "b"]}, "cap": None, "flag": True}
PARENTS = {"rows": "aaaa", "tokenizer": "bbbb"}
LEAF = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, "", "1", "a"])
CONTENT = st.dictionaries(st.sampled_from("abc"), LEAF | st.lists(LEAF, max_size=2), max_size=2)
NAME = fingerprint("student", CONFIG, PARENTS)


def test_sixteen_hexadecimal_digits():
    assert len(NAME) == 16
    assert int(NAME, 16) >= 0


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.0010000001},
        {"task": {"name": "rte", "labels": ["b", "a"]}},
        {"task": {"name": "rte", "labels": ["a", "b", "c"]}},
        {"cap": 0},
        {"cap": "None"},
        {"flag": False},
        {"more": None},
    ],
)
def test_every_value_counts(change):
    assert fingerprint("student", {**CONFIG, **change}, PARENTS) != NAME


@pytest.mark.parametrize(
    "parents",
    [
        {"rows": "aaaa"},
        {"rows": "aaab", "tokenizer": "bbbb"},
        {"rows": "bbbb", "tokenizer": "aaaa"},
    ],
)
def test_every_parent_and_its_role_count(parents):
    assert fingerprint("student", CONFIG, parents) != NAME


def test_kind_and_version_count(monkeypatch):
    assert fingerprint("teacher", CONFIG, PARENTS) != NAME
    monkeypatch.setattr(module, "VERSIONS", {**VERSIONS, "student": VERSIONS["student"] + 1})
    assert fingerprint("student", CONFIG, PARENTS) != NAME


def test_the_order_of_keys_does_not_count():
    backwards = {k: CONFIG[k] for k in reversed(CONFIG)}
    backwards["task"] = {"labels": ["a", "b"], "name": "rte"}
    assert list(backwards) != list(CONFIG)
    parents = {k: PARENTS[k] for k in reversed(PARENTS)}
    assert fingerprint("student", backwards, parents) == NAME


@given(CONTENT, CONTENT)
def test_equal_content_equal_name_and_the_reverse(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint("tokens", one, {}) == fingerprint("tokens", other, {})) == same
    assert fingerprint("tokens", json.loads(json.dumps(one)), {}) == fingerprint("tokens", one, {})


def test_another_process_gives_the_same_name():
    code = (
        "from kdlight.artifacts.fingerprint import fingerprint\n"
        f"print(fingerprint('student', {CONFIG!r}, {PARENTS!r}))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == NAME


def test_what_is_no_json_and_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="Out of range float"):
        fingerprint("student", {"lr": float("nan")}, {})
    with pytest.raises(TypeError, match="set"):
        fingerprint("student", {"tasks": {"rte"}}, {})
    with pytest.raises(KeyError):
        fingerprint("pupil", {}, {})


def test_hash_of_a_file_is_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_file(tmp_path / "abc") == known


def test_hash_of_a_folder_covers_names_and_bytes_of_what_matches(tmp_path):
    def folder(name, files):
        (tmp_path / name).mkdir()
        for file, content in files.items():
            (tmp_path / name / file).write_text(content)
        return tmp_path / name

    files = {"config.json": "{}", "a.safetensors": "weights", "README.md": "hello"}
    first = folder("first", files)
    wanted = ("config.json", "*.safetensors")
    name = hash_folder(first, wanted)
    assert hash_folder(folder("again", dict(reversed(files.items()))), wanted) == name
    assert hash_folder(folder("readme", {**files, "README.md": "bye"}), wanted) == name
    assert hash_folder(folder("bytes", {**files, "a.safetensors": "other"}), wanted) != name
    renamed = {"config.json": "{}", "b.safetensors": "weights"}
    assert hash_folder(folder("renamed", renamed), wanted) != name
    assert hash_folder(first, (*wanted, "config.*")) == name
    assert hash_folder(first) != name
