"""Searches as they are typed: what is checked first, what reaches the jobs, what is left."""

import json

import optuna
import torch
from commands import SMOKE, call, share
from safetensors.torch import load_file

from kdlight.launch import environment
from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.search import value_of

KEY = "selection_macro.student"


def test_what_a_search_comes_to(tmp_path, monkeypatch, capfd):
    """A failed trial is told by the status; a storage does not mix two searches of one name."""

    def fail_one(_, source, *__):
        while job := source.next():
            (job.folder / "result.json").write_text(json.dumps({"selection_macro": {"student": 1}}))
            job.state = "failed" if job.number == 1 else "done"
            source.ended(job)

    monkeypatch.setattr(SweepLauncher, "do", fail_one)
    words = ["-m", *SMOKE, "+sweep=search", f"hydra.sweeper.storage={tmp_path}/all.log"]
    assert call(tmp_path, monkeypatch, *words, "hydra.sweeper.trials=2") == 2
    assert "1 of 2 trials failed; the same command goes on" in capfd.readouterr().err
    (found,) = tmp_path.glob("outputs/runs/*/*/search.json")
    assert [each["trial"] for each in json.loads(found.read_text())["best"]] == [0]
    monkeypatch.setattr(environment, "_cpu_has_bf16", lambda: True)  # as on another machine
    assert call(tmp_path, monkeypatch, *words, "hydra.sweeper.trials=3") == 0
    assert call(tmp_path, monkeypatch, *words, "hydra.sweeper.trials=2", "seed=1") == 2
    assert "is of other settings, other data" in capfd.readouterr().err


def test_a_choice_that_cannot_be_is_told_before_a_trial_starts(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(SweepLauncher, "do", None)
    words = [*SMOKE, "baseline=false", "student=bilstm,bilstn", "hydra.sweeper.trials=4"]
    assert call(tmp_path, monkeypatch, "-m", *words) == 2
    assert "student/bilstn" in capfd.readouterr().err


def prune_first(launcher, source, *_):
    """In place of the launcher's `do`: the first trial is pruned with its student half made."""
    while job := source.next():
        planned = launcher.planned(job.overrides, job.number).job
        (node,) = planned.main.students().values()
        working = planned.executor.place(node).working
        working.mkdir(parents=True)
        job.state = "failed" if job.number else "pruned"
        source.ended(job)
        assert working.exists() == bool(job.number)


def test_a_pruned_trial_leaves_no_checkpoints(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(SweepLauncher, "do", prune_first)
    words = [*SMOKE, "+sweep=search", "hydra.sweeper.trials=2"]
    assert call(tmp_path, monkeypatch, "-m", *words) == 2
    assert "No trial of this search has ended well" in capfd.readouterr().err


def weights(folder):
    """Of the student of a job, side by side."""
    (file,) = (folder / "artifacts").glob("student*/**/*.safetensors")
    found = load_file(file)
    return torch.cat([found[name].flatten().double() for name in sorted(found)])


def test_a_search_as_it_is_typed(smoke, tmp_path, monkeypatch, capfd):
    """What it draws reaches every rank, and what jobs tell reaches the study."""
    share(smoke, tmp_path)
    ranks = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    plain = [*SMOKE, "baseline=false", "student.encoder.dropout=0", "student.head.dropout=0"]
    words = [*plain, *ranks, "+sweep=search", "hydra.sweeper.trials=2"]
    assert call(tmp_path, monkeypatch, "-m", *words) == 0
    (folder,) = (path.parent for path in tmp_path.glob("outputs/runs/*/*/search.json"))
    (found,) = json.loads((folder / "search.json").read_text())["best"]
    assert f"Best: trial {found['trial']}" in capfd.readouterr().out
    result = json.loads((folder / str(found["trial"]) / "result.json").read_text())
    assert value_of(result, KEY) == found["values"][KEY]
    known = optuna.load_study(storage=f"sqlite:///{folder}/search.db", study_name="kd_bilstm")
    assert all(trial.intermediate_values for trial in known.trials)
    alone = tmp_path / "alone"
    share(smoke, alone)
    assert call(alone, monkeypatch, *plain, *known.trials[1].user_attrs["overrides"]) == 0
    (single,) = (path.parent for path in alone.glob("outputs/runs/*/*/result.json"))
    torch.testing.assert_close(weights(folder / "1"), weights(single), rtol=0, atol=1e-5)
    assert (weights(folder / "0") - weights(single)).abs().max() > 1e-3  # of another rate


def test_what_is_no_search_is_refused(tmp_path, monkeypatch, capfd):
    words = [*SMOKE, "+sweep=search"]
    assert call(tmp_path, monkeypatch, *words) == 2
    assert "add -m to the command" in capfd.readouterr().err
    rate = "optimizer.lr=interval(1e-4,1e-3)"
    for more, told in (
        ([*words, "selection=dev"], "would choose by the rows that are reported"),
        ([*words, "hydra.sweeper.trials=0"], "trials=0 must be a whole number of 1 or more"),
        ([*words, "seed=1,2,3"], "choose the luckiest: give it one value"),
        ([*words, "teacher.seed=range(1,4)"], "the best trial with several, teacher.seed=1,2,3"),
        ([*SMOKE, "+sweep=[seeds,search]"], "seed is among what is searched"),
        ([*SMOKE, rate], f"{rate}: from an interval a search draws, and this is none. Add hydra."),
    ):
        assert call(tmp_path, monkeypatch, "-m", *more) == 2
        assert told in capfd.readouterr().err
    assert not list(tmp_path.rglob("multirun.yaml"))
