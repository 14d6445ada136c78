"""The words of a sweep: those its jobs get too, and those that are refused before it begins."""

import sys

import pytest
from commands import call, results

from kdlight.launch.sweep import launcher
from kdlight.launch.sweep.sweeper import _with_params
from kdlight.launch.sweep.words import check_experiments, check_swept, flags, own
from kdlight.types import UserError

TINY = ["+experiment=kd_bilstm", "scale=smoke", "baseline=false", "augmentation=[]"]
MINE = "mine:\n  _target_: kdlight.losses.logits.LogitMSE\n  weight: 1.0\n"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["--config-dir", "mine", "seed=1"], ["--config-dir", "mine"]),
        (["-cn", "other", "-m", "~task"], ["-cn", "other"]),
        (["-cp", "folder", "--config-name=other"], ["-cp", "folder", "--config-name=other"]),
        (["--config-name", "other", "--multirun", "+a=b"], ["--config-name", "other"]),
    ],
)
def test_flags_keep_their_values(typed, kept, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kdlight", *typed])
    said = ["hydra.mode=MULTIRUN", "hydra.sweep.dir=x", "hydra.searchpath=[file://mine]"]
    assert flags({"overrides": {"hydra": said}}) == [*kept, said[-1]]


def test_what_is_of_the_sweep_is_no_word_of_a_job():
    words = ["launcher=gpus", "+launcher.again=true", "hydra/launcher=ray", "seed=1"]
    assert own(words) == ["seed=1"]


def test_jobs_find_what_the_sweep_finds(smoke, tmp_path, monkeypatch, capfd):
    """A search path that is typed, of one's own loss."""
    (tmp_path / "mine/loss").mkdir(parents=True)
    (tmp_path / "mine/loss/mine.yaml").write_text(MINE)
    words = [f"outputs={smoke}/outputs", f"hydra.sweep.dir={tmp_path}/outputs/runs/a/b"]
    words += ["loss=[mine]", "job=transfer_set", f"hydra.searchpath=[file://{tmp_path}/mine]"]
    assert call(tmp_path, monkeypatch, "-m", *TINY[:2], *words) == 0, capfd.readouterr()


def test_a_key_that_a_sweep_file_adds_is_swept_as_others_are():
    params = {"++task.sst2.max_rows": "100,200", "seed": "1,2"}
    config = {"hydra": {"sweeper": {"params": params}}}
    check_swept(["++task.sst2.max_rows=100", "seed=1"], config)
    with pytest.raises(UserError, match="would have to sweep seed itself"):
        check_swept(["++task.sst2.max_rows=100"], config)
    words = _with_params(params, ["++task.sst2.max_rows=5"])
    assert words == ["seed=1,2", "++task.sst2.max_rows=5"]


def test_what_cannot_be_swept_is_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(launcher.SweepLauncher, "do", None)
    for words, said in (
        (["+sweep=seeds,losses"], "by a list in quotes: '+sweep=[seeds,losses]'"),
        (["launcher.max_parallel=1,2"], "launcher.max_parallel is of the sweep, not of a job"),
        (["launcher=local,gpus"], "launcher is of the sweep, not of a job"),
        (["seed=1,2", "hydra.sweep.subdir=x"], "is said by hydra.sweep.dir=DIR"),
        (["seed=1,2", "launcher.max_parallel=0"], "launcher.max_parallel=0 must be a whole number"),
        (["seed=1,2", "launcher.cpus_per_job=0"], "launcher.cpus_per_job=0 must be a whole number"),
    ):
        assert call(tmp_path, monkeypatch, "-m", *TINY, *words) == 2
        assert said in capfd.readouterr().err
    assert call(tmp_path, monkeypatch, "-m", "+experiment=kd_bilstm,mkd_lstm", "seed=1") == 2
    assert (
        "for each, +experiment=kd_bilstm, then +experiment=mkd_lstm; what" in capfd.readouterr().err
    )
    assert not results(tmp_path)


def test_one_experiment_a_command():
    check_experiments(["+experiment=kd_bilstm", "task=[sst2,mrpc]", "seed=1,2"])
    for value in ("a,b", "choice(a,b)", "[a,b]"):
        with pytest.raises(UserError, match=r"for each, \+experiment=a, then \+experiment=b; "):
            check_experiments([f"+experiment={value}"])
