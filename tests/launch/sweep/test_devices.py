"""A job that does not fit the GPUs it would get is refused before any starts."""

import pytest
from commands import call

from kdlight.launch.sweep import shares
from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.remote import RayLauncher, SubmititLauncher
from kdlight.types import UserError

KEY = "launcher.gpus_per_job"


def config(accelerator, devices=1, each=0):
    return {
        "trainer": {"accelerator": accelerator, "devices": devices},
        "launcher": {"gpus_per_job": each, "max_parallel": 4, "cpus_per_job": None},
    }


@pytest.fixture
def gpus(monkeypatch):
    found = ["0", "1", "2", "3"]
    monkeypatch.setattr(shares, "own_gpus", lambda: found)
    return found


def refused(launcher, *about):
    with pytest.raises(UserError) as caught:
        launcher.check(config(*about))
    return str(caught.value)


def test_jobs_of_this_machine(gpus):
    here = SweepLauncher()
    for about in (("cpu",), ("gpu",), ("gpu", 1, 1), ("auto", 2, 2), ("gpu", 2, 0), ("cpu", 2, 0)):
        here.check(config(*about))
    assert "add trainer=gpu" in refused(here, "cpu", 1, 1)
    assert f"set {KEY}=2, or trainer.devices=1" in refused(here, "gpu", 2, 1)
    assert f"{KEY}=8, but there are 4 GPUs here" in refused(here, "gpu", 1, 8)
    gpus.clear()
    assert "no GPU here: set trainer=cpu" in refused(here, "gpu", 1, 0)


def test_jobs_of_other_machines(gpus):
    gpus.clear()
    ray, none = RayLauncher(None, 1, 1, 0.5), RayLauncher(None, 1, 1, 0)
    ray.check(config("gpu"))
    none.check(config("cpu"))
    assert "hydra.launcher.num_gpus=2, or trainer.devices=1" in refused(ray, "gpu", 2)
    assert "hydra.launcher.num_gpus=0.5 gives each job GPUs" in refused(ray, "cpu")
    assert "needs hydra.launcher.num_gpus=1" in refused(none, "gpu")
    slurm = SubmititLauncher(None, 1, {"gpus_per_node": 1})
    slurm.check(config("gpu"))
    assert "hydra.launcher.parameters.gpus_per_node=1 gives" in refused(slurm, "cpu")
    SubmititLauncher("slurm", 1, {"slurm_additional_parameters": {}}).check(config("gpu"))
    assert "no GPU here" in refused(SubmititLauncher("local", 1, {}), "gpu")


def test_jobs_that_share_one_gpu_are_told_so(caplog):
    shares.warn_of_one_gpu(config("gpu", each=1))
    shares.warn_of_one_gpu(config("cpu"))
    assert not caplog.records
    shares.warn_of_one_gpu(config("gpu"))
    assert "launcher.gpus_per_job=1 gives each its own" in caplog.text


def test_it_is_told_before_the_first_job_starts(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(SweepLauncher, "do", None)
    words = ["+experiment=kd_bilstm", "scale=smoke", "seed=1,2", "launcher=gpus"]
    assert call(tmp_path, monkeypatch, "-m", *words) == 2
    assert "Job 0 (" in (said := capfd.readouterr().err)
    assert "add trainer=gpu" in said
