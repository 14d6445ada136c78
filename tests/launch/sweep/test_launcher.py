"""`python -m kdlight.run -m ...` as it is typed: what is checked first, run, skipped, reported."""

import json
import time
from collections import Counter
from contextlib import suppress

import pytest
from commands import SMOKE, call, results, share
from hydra._internal.sources_registry import SourcesRegistry
from omegaconf import OmegaConf

from kdlight import run
from kdlight.artifacts import fingerprint
from kdlight.launch.settled import settled
from kdlight.launch.sweep import launcher
from kdlight.launch.sweep.folder import sweep_folder
from kdlight.launch.sweep.job import job_command
from kdlight.types import UserError

PLAIN = [*SMOKE, "baseline=false"]
TINY = ["+experiment=kd_bilstm", "scale=smoke", "baseline=false", "augmentation=[]"]


def folders(tmp_path):
    return sorted(path.parent for path in tmp_path.glob("outputs/runs/*/*/sweep.json"))


def test_twenty_jobs_are_composed_and_checked_in_seconds(tmp_path, monkeypatch, capfd):
    """The last one has a mistake: nothing has started when it is told."""
    monkeypatch.setattr(launcher, "Schedule", None)
    start = time.process_time()
    seeds = ",".join(map(str, range(20)))
    status = call(tmp_path, monkeypatch, "-m", *TINY, f"seed={seeds}", "student.encoder.hiden=3")
    assert status != 0
    assert "hiden" in capfd.readouterr().err
    words = ["task=[sst2],[trec]", "seed=1,2,3,4,5,6,7,8,9,10"]
    assert call(tmp_path, monkeypatch, "-m", *TINY, *words) == 2
    said = capfd.readouterr().err
    assert "Job 10 (" in said
    assert said.count("trec has no embedded rows") == 1
    assert "(and 9 more jobs)" in said
    assert not (tmp_path / "outputs").exists()
    assert time.process_time() - start < 30


def test_twenty_choices_are_composed_in_seconds(tmp_path, monkeypatch, capfd):
    """No file is read for each: the goal is 3 s of the processor for all."""
    read: Counter[str] = Counter()
    files = SourcesRegistry.instance().resolve("file")
    load = files.load_config

    def count(self, config_path):
        read.update([config_path])
        return load(self, config_path)

    monkeypatch.setattr(files, "load_config", count)
    monkeypatch.setattr(launcher.SweepLauncher, "do", lambda *_: None)
    words = ["+experiment=mkd_transformer3", "scale=smoke", "+sweep=[losses,mixing]"]
    start = time.process_time()
    assert call(tmp_path, monkeypatch, "-m", *words) == 2
    assert time.process_time() - start < 20
    assert "20 of 20 jobs failed" in capfd.readouterr().err  # none was done
    assert 1 <= max(read.values()) <= 5


def test_what_is_no_sweep_is_refused(tmp_path, monkeypatch, capfd):
    assert call(tmp_path, monkeypatch, "-m", *TINY, "seed=1,2", "job=report") == 2
    assert "job=report is one job: leave -m out" in capfd.readouterr().err
    monkeypatch.setattr(launcher.SweepLauncher, "do", lambda *_: None)
    place = f"hydra.sweep.dir={tmp_path}/mine"
    assert call(tmp_path, monkeypatch, "-m", *TINY, "seed=1,2", place) == 2  # none is done
    kept = tmp_path / "mine/kept"
    kept.touch()
    assert call(tmp_path, monkeypatch, "-m", *TINY, "seed=1,3", place) == 2
    assert "holds another sweep" in capfd.readouterr().err
    assert kept.exists()


def test_every_mistake_is_told_with_the_first_job_that_makes_it(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(launcher, "MOST", 2)
    sizes = "data.batch_size=0,16,-1,-2,-3"
    assert call(tmp_path, monkeypatch, "-m", *TINY, sizes, "seed=1,2") == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 3
    for line, number, size in zip(lines, (0, 4), (0, -1), strict=False):
        assert f"Job {number} (" in line
        assert f"data.batch_size={size} " in line
        assert line.endswith("(and 1 more job)")
    assert lines[2] == "and 2 more"
    assert not (tmp_path / "outputs").exists()


def test_jobs_may_ask_hydra_for_their_number_and_the_folder(tmp_path, monkeypatch, capfd):
    """As single runs may; the command of a job says its number."""
    seen = []

    def do(self, source, _, __):
        while job := source.next():
            seen.append((job_command([], job), self.planned(job.overrides, job.number).job.config))

    monkeypatch.setattr(launcher.SweepLauncher, "do", do)
    words = ["outputs=${hydra:runtime.cwd}/o", "seed=${hydra:job.num}", "optimizer.lr=1e-3,2e-3"]
    assert call(tmp_path, monkeypatch, "-m", *TINY, *words) == 2  # none is done
    assert "2 of 2 jobs failed" in capfd.readouterr().err
    (folder,) = tmp_path.glob("o/runs/kd_bilstm/*/sweep.json")
    for number, (command, config) in enumerate(seen):
        assert config["seed"] == number
        assert config["outputs"] == f"{tmp_path}/o"
        more = ["--cfg", "job", "--resolve"]
        assert call(tmp_path, monkeypatch, *command[3:], *more) == 0
        shown = capfd.readouterr().out
        assert f"seed: {number}\n" in shown
        assert f"outputs: {tmp_path}/o\n" in shown
    assert f"hydra.run.dir='{folder.parent}/1'" in seen[1][0]


def test_jobs_are_planned_as_they_settle_their_own_configuration(tmp_path, monkeypatch):
    """Typed epochs beat the steps of a scale in both."""
    seen = []

    def do(self, source, _, __):
        while job := source.next():
            seen.append((job_command([], job), self.planned(job.overrides, job.number).job.config))

    monkeypatch.setattr(launcher.SweepLauncher, "do", do)
    words = ["+experiment=mkd_transformer3", "scale=demo", "trainer.max_epochs=2,3"]
    assert call(tmp_path, monkeypatch, "-m", *words) == 2  # none is done
    own = []
    monkeypatch.setattr(run, "run", lambda config: own.append(settled(config)))
    for number, (command, planned) in enumerate(seen):
        assert call(tmp_path, monkeypatch, *command[3:]) == 0
        for config in (planned, own[number]):
            assert config["trainer"]["max_epochs"] == 2 + number
            assert config["trainer"]["max_steps"] is None
    assert len(seen) == 2


def test_jobs_that_failed_before_an_interrupt_are_listed(tmp_path, monkeypatch, capfd):
    def interrupted(_, __, jobs, ___):
        jobs[0].state = "failed"
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher.SweepLauncher, "do", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(tmp_path, monkeypatch, "-m", *TINY, "seed=1,2")
    assert "job 0 failed; its log is" in capfd.readouterr().out


def finish(_, source, jobs, __):
    """In place of doing them."""
    while job := source.next():
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / "result.json").write_text('{"macro": {}}')
        job.state = "done"
    assert {job.state for job in jobs} == {"done"}


def test_jobs_are_done_as_long_as_their_data_are_the_same(tmp_path, monkeypatch, capfd):
    """Data files that have changed make another sweep; each is read once for all jobs."""
    monkeypatch.setattr(launcher.SweepLauncher, "do", finish)
    read = []
    monkeypatch.setattr(fingerprint, "hash_file", lambda path: read.append(path) or str(len(read)))
    train, dev = (tmp_path / f"SST-2/{name}.jsonl" for name in ("train", "dev"))
    train.parent.mkdir()
    row = {"text_a": "good", "label": 1}
    train.write_text(20 * f"{json.dumps(row)}\n")
    dev.write_text(json.dumps(row))
    words = [*TINY, "seed=1,2,3", "data.source=files", f"data.root={tmp_path}"]
    assert call(tmp_path, monkeypatch, "-m", *words) == 0
    assert sorted(read) == [dev, train]
    assert call(tmp_path, monkeypatch, "-m", *words) == 0
    assert "3 of them finished before" in capfd.readouterr().err
    dev.write_text(json.dumps({"text_a": "bad", "label": 0}))
    assert call(tmp_path, monkeypatch, "-m", *words) == 0
    assert "finished before" not in capfd.readouterr().err
    assert len(folders(tmp_path)) == 2
    assert call(tmp_path, monkeypatch, "-m", *words, "launcher.again=true") == 0
    assert len(folders(tmp_path)) == 3


def test_the_folder_of_a_sweep(tmp_path):
    """That in which it was begun, but for another that is typed, and when it is asked for anew."""

    def place(name, sweep="mine", ends=True, again=False, typed=False):
        words = [f"hydra.sweep.dir={name}"] if typed else []
        hydra = {"sweep": {"dir": str(tmp_path / name)}, "overrides": {"hydra": words}}
        config = OmegaConf.create({"hydra": hydra, "launcher": {"again": again}})
        with suppress(KeyboardInterrupt), sweep_folder(config, sweep) as found:
            if not ends:
                raise KeyboardInterrupt
        return found.name

    assert place("1", ends=False) == "1"
    assert place("2", again=True) == "1"  # it was not finished
    assert place("2", "another") == "2"
    assert place("3") == "1"
    assert place("4", typed=True) == "4"
    assert place("4", typed=True) == "4"
    assert place("5") == "4"
    assert place("6", again=True, ends=False) == "6"
    assert place("7", again=True) == "6"
    with pytest.raises(UserError, match=r"2 holds another sweep: choose another hydra\.sweep\.dir"):
        place("2", typed=True)
    with pytest.raises(UserError, match="4 holds this sweep, finished"):
        place("4", typed=True, again=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "4", "6"]


def test_a_sweep_is_run_by_one_command_at_a_time(tmp_path, monkeypatch, capfd):
    inner = []

    def again(self, *_):
        with pytest.raises(UserError, match="Another command is at work on this sweep"):
            self.launch([["+experiment=kd_bilstm", "scale=smoke"]], 0)
        inner.append(True)

    monkeypatch.setattr(launcher.SweepLauncher, "do", again)
    assert call(tmp_path, monkeypatch, "-m", "+experiment=kd_bilstm", "scale=smoke") == 2
    assert inner
    assert "1 of 1 jobs failed" in capfd.readouterr().err


def test_two_jobs_of_two_ranks_each(smoke, tmp_path, monkeypatch, capfd):
    """As single runs of one process, in the folders of a sweep; done again, nothing is done."""
    share(smoke, tmp_path)
    still = ["student.encoder.dropout=0", "student.head.dropout=0", "seed=3,4"]
    ranks = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    assert call(tmp_path, monkeypatch, "-m", *PLAIN, *still, *ranks) == 0
    (folder,) = folders(tmp_path)
    found = [json.loads((folder / n / "result.json").read_text()) for n in ("0", "1")]
    assert [result["seed"] for result in found] == [3, 4]
    assert sorted(path.name for path in folder.iterdir()) == [
        "0",
        "1",
        "multirun.yaml",
        "summary.txt",
        "sweep.json",
        "sweep.lock",
        "sweep.log",
    ]
    assert "job 1: done" in (folder / "sweep.log").read_text()
    for number, seed in enumerate((3, 4)):
        alone = tmp_path / f"alone{seed}"
        share(smoke, alone)
        assert call(alone, monkeypatch, *PLAIN, *still[:2], f"seed={seed}") == 0
        (single,) = results(alone)
        assert single["student"]["scores"] == found[number]["student"]["scores"]
    capfd.readouterr()
    before = (folder / "0/result.json").stat().st_mtime_ns
    assert call(tmp_path, monkeypatch, "-m", *PLAIN, *still, *ranks) == 0
    assert "2 of them finished before" in capfd.readouterr().err
    assert folders(tmp_path) == [folder]
    assert (folder / "0/result.json").stat().st_mtime_ns == before


def test_a_job_that_fails_is_reported_at_the_end_and_done_again(
    smoke, tmp_path, monkeypatch, capfd
):
    share(smoke, tmp_path)
    words = ["optimizer.lr=1e-3,1e30", "launcher.max_parallel=2"]
    assert call(tmp_path, monkeypatch, "-m", *PLAIN, *words) == 2
    said = capfd.readouterr()
    assert "1 of 2 jobs failed" in said.err
    assert "job 1 failed" in said.out
    assert "lower the learning rate" in said.out
    (folder,) = folders(tmp_path)
    assert "job.log" in said.out
    assert (folder / "0/result.json").exists()
    assert not (folder / "1/result.json").exists()
    assert call(tmp_path, monkeypatch, "-m", *PLAIN, *words) == 2
    said = capfd.readouterr()
    assert "1 of them finished before" in said.err
    assert folders(tmp_path) == [folder]
