"""Jobs through submitit's local executor and a local Ray: what they leave, and how they end."""

import gc
import time
from types import SimpleNamespace

import pytest

from kdlight.launch.sweep.frame import frame
from kdlight.launch.sweep.job import SweepJob
from kdlight.launch.sweep.pools import RayPool, SubmititPool
from kdlight.launch.sweep.remote import _has_ended, follow
from kdlight.launch.sweep.schedule import Listed
from kdlight.types import UserError

# Neither waits for the processes it has started; told when they are collected.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
PARAMETERS = {"timeout_min": 5, "cpus_per_task": 1, "mem_gb": None}


@pytest.fixture(autouse=True)
def _collected():
    yield
    gc.collect()


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="pip install -e '.[ray]'")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()
    gc.collect()


@pytest.fixture(params=["submitit", "ray"])
def pool(request, tmp_path):
    if request.param == "submitit":
        return SubmititPool(str(tmp_path / "submitit"), "local", PARAMETERS)
    request.getfixturevalue("ray")
    return RayPool(None, 1, 0)


def test_jobs_end_as_they_do_here(world, pool):
    jobs = [world.job(0), world.job(1, fails="boom"), world.job(2)]
    follow(Listed(jobs), pool, 2, [], lambda: None)
    assert [job.state for job in jobs] == ["done", "failed", "done"]
    assert jobs[1].last_lines()[-1] == "ValueError: boom"
    assert jobs[1].reason == "status 1"
    assert [job.result["macro"]["student"] for job in (jobs[0], jobs[2])] == [0, 2]


def test_an_interrupt_ends_the_jobs(world, pool):
    jobs = [world.job(n, sleep=60) for n in range(3)]
    until = time.monotonic() + 120

    def interrupt():
        if len(world.notes("starts")) == 2 or time.monotonic() > until:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(Listed(jobs), pool, 2, [], interrupt)
    assert [job.state for job in jobs] == ["stopped"] * 3
    while len(world.notes("stopped")) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(world.notes("stopped")) == 2


def test_a_job_elsewhere_shows_the_last_line_of_its_log(tmp_path):
    """Or that it runs, where its log is not seen."""
    job = SweepJob(0, ["seed=1"], tmp_path)
    states = iter(["queued", "running", "running", "ended"])
    pool = SimpleNamespace(start=lambda *_: None, state=lambda _: next(states), status=lambda _: 1)
    shown = []

    def changed():
        shown.append(frame("", [job], {}, 80, 24).rows[0][2])
        (tmp_path / "job.log").write_text("[20:28:22] first\n[20:28:23] student: 8 of 9 rows\n")

    follow(Listed([job]), pool, 1, [], changed)
    assert shown == ["waiting", "student: 8 of 9 rows", "student: 8 of 9 rows", "failed in 2 s"]
    job.state, job.folder = "running", tmp_path / "unseen"
    pool.state = lambda _: "running"
    assert not _has_ended(job, pool, None)
    assert frame("", [job], {}, 80, 24).rows[0][2] == "running"


def test_wrong_parameters_are_told(tmp_path):
    with pytest.raises(UserError, match=r"hydra\.launcher\.parameters: .*timeout_mni"):
        SubmititPool(str(tmp_path), "local", {"timeout_mni": 5})
