"""Jobs get a share of the machine each, lend it while they wait, and end together."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kdlight.launch.sweep.job import Process, job_command
from kdlight.launch.sweep.schedule import Listed, Schedule
from kdlight.launch.sweep.shares import Share, own_gpus, shares
from kdlight.types import UserError

ONE, TWO = [Share((), 1)], [Share(("4",), 2), Share(("7",), 2)]


def wait_for(condition):
    until = time.monotonic() + 120
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_no_more_jobs_at_once_than_shares(world):
    jobs = [world.job(0, after="1-starts"), *(world.job(n, sleep=0.2) for n in range(1, 5))]
    Schedule(Listed(jobs), TWO, []).run()
    assert [job.state for job in jobs] == ["done"] * 5
    at_once, most = 0, 0
    for note in sorted(world.notes(), key=lambda note: note["time"]):
        at_once += {"starts": 1, "ends": -1}[note["what"]]
        most = max(most, at_once)
    assert most == 2
    assert all(job.result["macro"]["student"] == job.number for job in jobs)


def test_a_job_costs_one_process(world, monkeypatch):
    """That of its own work: what the schedule starts are the jobs, each once, with no shell."""
    started = []
    execute_child = subprocess.Popen._execute_child

    def execute(self, args, *rest):
        started.append(args)
        return execute_child(self, args, *rest)

    monkeypatch.setattr(subprocess.Popen, "_execute_child", execute)
    jobs = [world.job(n) for n in range(4)]
    Schedule(Listed(jobs), TWO, []).run()
    assert sorted(map(str, started)) == sorted(str(job_command([], job)) for job in jobs)
    pids = {note["pid"] for note in world.notes("starts")}
    assert len(pids) == len(jobs)


def test_a_job_keeps_to_its_share_and_inherits_no_rank(world, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    Schedule(Listed(world.job(n, sleep=0.2) for n in range(2)), TWO, []).run()
    assert {note["CUDA_VISIBLE_DEVICES"] for note in world.notes()} == {"4", "7"}
    assert {note["OMP_NUM_THREADS"] for note in world.notes()} == {"2"}
    assert {note["RANK"] for note in world.notes()} == {None}


def test_a_crash_leaves_the_others_alone(world):
    jobs = [world.job(0), world.job(1, fails="boom"), world.job(2)]
    Schedule(Listed(jobs), ONE, []).run()
    assert [job.state for job in jobs] == ["done", "failed", "done"]
    assert jobs[1].last_lines()[-1] == "ValueError: boom"
    assert jobs[1].reason == "status 1"


def test_a_job_that_is_killed_says_so(world):
    """As the kernel does where there is too little memory."""
    job = world.job(0, sleep=60)

    def kill():
        for note in world.notes("starts"):
            with suppress(ProcessLookupError):
                os.kill(note["pid"], signal.SIGKILL)

    Schedule(Listed([job]), ONE, [], kill).run()
    assert (job.state, job.reason) == ("failed", "killed by signal 9 (out of memory?)")


def test_what_a_job_tells_is_heard(world):
    job = world.job(0)
    Schedule(Listed([job]), ONE, []).run()
    told = {"stage": "works", "share": 0.5, "best": 81.25}
    assert job.facts == {**told, "network": "works", "score": 81.25, "step": 7}


def test_a_job_that_waits_leaves_its_share_to_another(world, tmp_path):
    """On one share: the first waits for what the second makes."""
    made = tmp_path / "artifact"
    jobs = [world.job(0, lends=made), world.job(1, makes=made), world.job(2)]
    Schedule(Listed(jobs), ONE, []).run()
    assert [job.state for job in jobs] == ["done"] * 3
    order = world.order()
    assert order[:3] == ["0 starts", "0 lends", "1 starts"]
    assert order.index("1 ends") < order.index("0 is back")


def test_a_gpu_stays_with_the_job_that_has_begun_on_it(world, tmp_path):
    made = tmp_path / "artifact"
    second = world.job(1, after="2-starts", makes=made)
    jobs = [world.job(0, lends=made, begun=True), second, world.job(2, sleep=0.6)]
    Schedule(Listed(jobs), TWO, []).run()
    first = {note["CUDA_VISIBLE_DEVICES"] for note in world.notes() if note["job"] == "0"}
    assert first == {"4"}
    notes = {f"{note['job']} {note['what']}": note["time"] for note in world.notes()}
    # Job 2 has taken its GPU meanwhile; job 1's own was free long before.
    assert notes["0 is back"] > notes["2 ends"]


def test_a_job_that_has_not_begun_goes_on_with_any_gpu(world, tmp_path):
    """Its first GPU is another's until that has seen it back; the one that is free is taken."""
    made = tmp_path / "artifact"
    second = world.job(1, after="2-starts", makes=made)
    jobs = [world.job(0, lends=made), second, world.job(2, after="0-is back")]
    Schedule(Listed(jobs), TWO, []).run()
    assert [job.state for job in jobs] == ["done"] * 3
    seen = {(n["job"], n["what"]): n["CUDA_VISIBLE_DEVICES"] for n in world.notes()}
    assert (seen["0", "lends"], seen["0", "is back"]) == ("4", "7")
    assert (seen["1", "ends"], seen["2", "ends"]) == ("7", "4")


def test_an_interrupt_stops_all_jobs_and_leaves_no_orphan(world):
    jobs = [world.job(n, sleep=60) for n in range(3)]
    until = time.monotonic() + 120

    def interrupt():
        if len(world.notes("starts")) == 2 or time.monotonic() > until:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Schedule(Listed(jobs), TWO, [], interrupt).run()
    assert [job.state for job in jobs] == ["stopped"] * 3
    assert len(world.notes("stopped")) == 2
    assert not any(alive(note["pid"]) for note in world.notes("starts"))


def test_an_interrupt_at_the_start_of_a_job_stops_it(world, monkeypatch):
    start = Process.__init__

    def interrupted(self, *about):
        start(self, *about)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Process, "__init__", interrupted)
    jobs = [world.job(n, sleep=60) for n in range(2)]
    with pytest.raises(KeyboardInterrupt):
        Schedule(Listed(jobs), ONE, []).run()
    assert [job.state for job in jobs] == ["stopped"] * 2


def test_a_second_interrupt_kills_what_has_not_stopped_yet(world, monkeypatch):
    """It comes while a job that takes its time to stop is waited for."""
    job = world.job(0, sleep=60, stubborn=60)
    start = time.monotonic()

    def interrupt(*_):
        if world.notes("starts") or time.monotonic() - start > 120:
            raise KeyboardInterrupt

    monkeypatch.setattr(Process, "hear", lambda _: interrupt() or [])  # the second
    with pytest.raises(KeyboardInterrupt):
        Schedule(Listed([job]), ONE, [], interrupt).run()
    assert job.state == "stopped"
    assert not any(alive(note["pid"]) for note in world.notes("starts"))
    assert time.monotonic() - start < 60


def test_a_few_jobs_at_most_wait_for_an_artifact(world, tmp_path):
    """Three processes a share; those that could not start yet are done in the end."""
    made = tmp_path / "artifact"
    jobs = [world.job(0, after="5-lends", makes=made)]
    jobs += [world.job(n, lends=made) for n in range(1, 12)]
    until = time.monotonic() + 120
    most = 0

    def count():
        nonlocal most
        most = max(most, sum(job.state in ("running", "lent") for job in jobs))
        assert time.monotonic() < until

    Schedule(Listed(jobs), TWO, [], count).run()
    assert [job.state for job in jobs] == ["done"] * 12
    assert most == 6


def test_jobs_end_when_the_sweep_is_killed(world):
    """Their line breaks: they stop as if asked to."""
    pid = os.fork()
    if not pid:
        Schedule(Listed(world.job(n, sleep=60) for n in range(2)), TWO, []).run()
        os._exit(0)
    wait_for(lambda: len(world.notes("starts")) == 2)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    wait_for(lambda: len(world.notes("stopped")) == 2)
    wait_for(lambda: not any(alive(note["pid"]) for note in world.notes("starts")))


def launcher(**changes):
    return {"gpus_per_job": 0, "max_parallel": 1, "cpus_per_job": None, **changes}


def test_shares_of_the_machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,GPU-c")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert shares(launcher()) == [Share((), 8)]
    assert shares(launcher(max_parallel=3)) == [Share((), 2)] * 3
    assert shares(launcher(max_parallel=16)) == [Share((), 1)] * 16
    assert shares(launcher(cpus_per_job=5)) == [Share((), 5)]
    found = shares(launcher(gpus_per_job=1, max_parallel=8))
    assert found == [Share((f"GPU-{name}",), 2) for name in "abc"]
    assert shares(launcher(gpus_per_job=2, max_parallel=8)) == [Share(("GPU-a", "GPU-b"), 8)]
    with pytest.raises(UserError, match=r"launcher\.gpus_per_job=4, but there are 3 GPUs"):
        shares(launcher(gpus_per_job=4))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert shares(launcher(max_parallel=2)) == [Share((), 3)] * 2
    assert shares(launcher(cpus_per_job=5)) == [Share((), 5)]


@pytest.mark.parametrize(
    ("visible", "own"),
    [("-1", []), ("", []), ("2", ["2"]), ("1, 0", ["1", "0"]), ("0,-1,1", ["0"])],
)
def test_the_gpus_that_may_be_used(visible, own, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert own_gpus() == own
