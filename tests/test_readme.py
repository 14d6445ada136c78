"""What the README tells people to type is what works."""

import csv
import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml
from commands import call, results
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import kdlight.run  # noqa: F401  (registers the schema)
from kdlight.artifacts.place import Place
from kdlight.launch import ranks
from kdlight.launch.help import config_folder
from kdlight.launch.job import Job
from kdlight.launch.sweep import shares
from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.remote import RayLauncher, SubmititLauncher
from kdlight.types import StageSpec

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"(?:^    .*\n)+", README, flags=re.MULTILINE)
FIRST_SCREEN = README.splitlines()[:25]


def overrides(command):
    words = shlex.split(command.replace("\\\n", " "))
    words = words[words.index("kdlight.run") + 1 :]
    return [word for word in words if not word.startswith("-")]


COMMANDS = [part for block in BLOCKS for part in re.split(r"(?<!\\)\n", block)]
RUNS = [part for part in COMMANDS if "kdlight.run" in part and "--config-dir" not in part]
SWEEPS = [part for part in RUNS if " -m +" in part]
REPORTS = [part for part in RUNS if "job=report" in part or "job=dashboard" in part]
CELLS = re.findall(r"^\| [^|]+ \| (`[^|]+) \|$", README, flags=re.MULTILINE)


def test_nothing_stands_twice():
    """No heading and no paragraph is there a second time, as after a slip in editing."""
    paragraphs = [part for part in re.split(r"\n\n+", README) if len(part) > 80]
    assert len(set(paragraphs)) == len(paragraphs) > 50


def composes(words):
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        return compose("config", words)


def test_both_commands_stand_in_the_first_screen():
    text = "\n".join(FIRST_SCREEN)
    assert "pip install -e . && python -m kdlight.run +experiment=kd_bilstm" in text
    assert "pip install -e '.[test]' && python -m pytest" in text


@pytest.mark.parametrize("block", [part for part in RUNS if "job=report" not in part])
def test_every_command_composes(block):
    if "-m" not in shlex.split(block):
        assert composes(overrides(block)).name in block


@pytest.mark.parametrize("block", [part for part in SWEEPS if "hydra/launcher" in part])
def test_every_sweep_elsewhere_begins(block, tmp_path, monkeypatch, capfd):
    """Composed and checked as far as the first job's start, at smoke scale."""
    monkeypatch.setattr(RayLauncher, "do", lambda *_: None)
    monkeypatch.setattr(SubmititLauncher, "do", lambda *_: None)
    assert call(tmp_path, monkeypatch, "-m", *overrides(block), "scale=smoke") == 2  # none is done
    assert "of 3 jobs" in capfd.readouterr().err


def test_what_starts_on_every_machine_is_what_the_code_starts(tmp_path, monkeypatch):
    """Nor is the script for SLURM less than one."""
    (script,) = [block for block in BLOCKS if "#SBATCH" in block]
    assert textwrap.dedent(script).startswith("#!/bin/bash\n#SBATCH ")
    started = []

    def popen(command, **_):
        started.extend(command)
        raise InterruptedError

    monkeypatch.setattr(ranks.subprocess, "Popen", popen)
    place = Place(tmp_path, "student", "0")
    place.working.mkdir(parents=True)
    with pytest.raises(InterruptedError):
        ranks.run_ranks(StageSpec("student", {}, {}, "", {}), place, ranks.Ranks(8, 2))
    (block,) = [block for block in BLOCKS if "torch.distributed.run" in block]
    told = shlex.split(block.replace("\\\n", " "))
    assert len(told) == len(started)
    for word, real in zip(told[1:], started[1:], strict=True):
        assert word == real or word.isupper()


def in_this_process(launcher, source, _jobs, _total):
    """Does jobs as their own processes would."""
    while job := source.next():
        job.folder.mkdir(parents=True, exist_ok=True)
        Job(launcher.planned(job.overrides, job.number).job.config, job.folder).run()
        job.state = "done"
        source.ended(job)


WITHOUT_GPU = {"launcher=gpus": "launcher=local", "trainer=gpu": "trainer=cpu"}
TINY = ["scale=smoke", "data.max_rows=64", "data.unlabelled_rows=32", "data.eval_rows=48"]


@pytest.mark.parametrize("block", [part for part in SWEEPS if "hydra/launcher" not in part])
def test_every_sweep_here_is_run(block, tmp_path, monkeypatch, capfd):
    """And what its section says of reports and dashboards, with what it has left.

    What wants GPUs is checked as where there are some, and run on the processor.
    """
    fewer = ["hydra.sweeper.trials=2"] if "trials" in block else []
    small = ["task=[sst2,mrpc]", "baseline=false"] if "mkd" in block else ["augmentation=[]"]
    words = [*overrides(block), *TINY, *fewer, *small]
    if "gpu" in block:
        (tmp_path / "gpus").mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(shares, "own_gpus", lambda: ["0", "1"])
            patch.setattr(SweepLauncher, "do", lambda *_: None)
            assert call(tmp_path / "gpus", patch, "-m", *words) == 2  # none is done
        assert "3 of 3 jobs failed" in capfd.readouterr().err
        words = [WITHOUT_GPU.get(word, word) for word in words]
    monkeypatch.setattr(SweepLauncher, "do", in_this_process)
    assert call(tmp_path, monkeypatch, "-m", *words) == 0
    found = list(tmp_path.glob("outputs/runs/*/*/*/result.json"))
    assert len(found) == (6 if "mkd" in block else 2 if fewer else 3)
    if "seeds" not in block:
        return
    for command in REPORTS:
        assert call(tmp_path, monkeypatch, *overrides(command)) == 0
    (report,) = tmp_path.glob("outputs/reports/*/report.md")
    assert "over seeds 1, 2, 3." in report.read_text()
    said = (tmp_path / "outputs/dashboards/kd_bilstm/workspace.json").read_text()
    section = README.split("\n## Dashboards\n")[1].split("\n## ")[0]
    for name in re.findall(r"^- \*(.*)\*", section, flags=re.MULTILINE):
        assert f'"{name}"' in said


def test_the_encoder_that_is_made_from_text_is_larger_than_its_student():
    (block,) = [part for part in RUNS if "pretrain@teacher.pretrain" in part]
    made = composes(overrides(block))
    theirs, ours = made.teacher.shape, made.student.encoder.shape
    for key in ("num_hidden_layers", "hidden_size", "intermediate_size"):
        assert theirs[key] > ours[key]
    assert made.data.max_length <= theirs.max_position_embeddings
    assert (made.teacher.embedding_std, made.teacher.optimizer.lr) == (0.02, 2e-4)


@pytest.mark.parametrize("cell", CELLS)
def test_every_override_of_the_table_composes(cell):
    shared = any(key in cell for key in ("student.start", "student.encoder.shape", "method."))
    name = "mkd_transformer3" if shared else "kd_bilstm"
    text = ("method.text", "method.rates", "relation", "low_resource", "data.corpus", "leave_out")
    base = [f"+experiment={name}", "scale=smoke", "loss=[hard,soft_kl]"]
    if any(key in cell for key in text):
        base = ["+experiment=mitkd", "scale=smoke"]
    for code in re.findall(r"`([^`]+)`", cell):
        words = [w for w in shlex.split(code) if "=" in w]
        losses = [w for w in words if w.startswith("loss=")]
        assert composes([w for w in base if not (losses and w.startswith("loss="))] + words)


def test_the_commands_were_found():
    assert len(RUNS) >= 2
    assert len(SWEEPS) == 5
    assert len(REPORTS) == 2
    assert len(CELLS) >= 10


def task_row(path):
    task = yaml.safe_load(path.read_text())[path.stem]
    kind = f"{len(task.get('labels', []))} classes"
    if task["kind"] == "regression":
        kind = "grade {:g} to {:g}".format(*task["grade_range"])
    elif task["kind"] != "classification":
        kind = task["kind"]
    more = [f"{m}_{name}" for name in task.get("more_eval", {}) for m in task["metrics"]]
    hub = task.get("hub")
    cells = [
        f"`{path.stem}`",
        kind + ", pair" * task["pair"],
        ", ".join([*task["metrics"], *more]),
        f"`{task['folder']}`",
        f"`{hub['path']}` {hub['name'] or ''}".strip() if hub else "",
    ]
    return f"| {' | '.join(cells)} |"


def test_the_table_of_tasks_is_that_of_conf():
    expected = [task_row(path) for path in sorted((config_folder() / "task").glob("*.yaml"))]
    assert re.findall(r"^\| `.*\|.*\|.*\|.*\|$", README, flags=re.MULTILINE) == expected


OWN = README.split("## Your own task")[1].split("\n## ")[0]
YAML, CSV, COMMAND = map(textwrap.dedent, re.findall(r"(?:^    .*\n)+", OWN, flags=re.MULTILINE))
HEADER, *ROWS = csv.reader(CSV.splitlines())


def own_task(variant):
    """The README's YAML as a mapping, with what the variant's line adds or replaces."""
    task = yaml.safe_load(YAML)["mine"]
    (line,) = re.findall(rf"^- {variant}.*$", OWN, flags=re.MULTILINE) if variant else [""]
    for said in map(yaml.safe_load, re.findall("`([^`]+)`", line)):
        if isinstance(said, dict):
            task |= said
        else:
            del task[said]
    return task


@pytest.mark.parametrize("variant", ["", "Two texts", "Grades"])
def test_your_own_task(variant, tmp_path, monkeypatch):
    task = own_task(variant)
    (tmp_path / "my_conf/task").mkdir(parents=True)
    text = yaml.safe_dump({"mine": task}) if variant else YAML
    (tmp_path / "my_conf/task/mine.yaml").write_text(text)
    (tmp_path / "my_data/mine").mkdir(parents=True)
    with (tmp_path / "my_data/mine/train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(task["columns"].values() if variant else HEADER)
        for number in range(60):
            review, verdict = ROWS[number % len(ROWS)]
            texts = [f"{review} {number}"] * (1 + task.get("pair", False))
            writer.writerow([*texts, verdict if "labels" in task else len(verdict)])
    words = overrides(COMMAND.replace("scale=lite", "scale=smoke"))
    words.insert(words.index("my_conf"), "--config-dir")
    assert call(tmp_path, monkeypatch, *words) == 0
    (found,) = results(tmp_path)
    metrics = {"accuracy"} if "labels" in task else {"pearson", "spearman"}
    assert set(found["student"]["scores"]["mine"]) == metrics
    assert (found["split"], found["scale"]) == ("held_out", "smoke")
    (predictions,) = tmp_path.glob("outputs/runs/*/*/predictions/mine.jsonl")
    assert len(predictions.read_text().splitlines()) == 6
