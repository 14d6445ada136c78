"""Real jobs of a sweep that wait for one artifact lend their share, and get one to go on."""

import time

from commands import SMOKE, share
from filelock import FileLock, Timeout

from kdlight.artifacts.place import Place
from kdlight.launch import execute
from kdlight.launch.sweep.job import SweepJob
from kdlight.launch.sweep.schedule import Listed, Schedule
from kdlight.launch.sweep.shares import Share


def test_two_jobs_wait_for_one_teacher(smoke, tmp_path, monkeypatch):
    """On one share, while another command has the teacher's lock."""
    monkeypatch.chdir(tmp_path)
    share(smoke, tmp_path, without=["teacher"])
    (teacher,) = (path for path in (smoke / "outputs/artifacts/teacher").iterdir() if path.is_dir())
    (tmp_path / "outputs/artifacts/teacher").mkdir()
    other = FileLock(tmp_path / f"outputs/artifacts/teacher/{teacher.name}.lock")
    jobs = [SweepJob(number, SMOKE, tmp_path / f"sweep/{number}") for number in range(2)]
    seen: list[tuple[str, str]] = []
    until = time.monotonic() + 120

    def note():
        states = (jobs[0].state, jobs[1].state)
        if states not in seen[-1:]:
            seen.append(states)
        if states == ("lent", "lent"):
            other.release()
        assert time.monotonic() < until

    with other:
        Schedule(Listed(jobs), [Share((), 1)], [], note).run()
    assert [job.state for job in jobs] == ["done", "done"]
    assert ("running", "running") not in seen
    after = seen[seen.index(("lent", "lent")) :]
    assert all(any(states[number] == "running" for states in after) for number in range(2))
    reused = [title for job in jobs for title in job.result["reused"]]
    assert reused.count("teacher sst2") == 1  # the other has built it


def test_who_finds_the_artifact_made_lets_the_next_see_it_first(tmp_path, monkeypatch):
    """Its share may take a while to come; who has to build it waits with the lock."""
    place = Place(tmp_path, "teacher", "f")
    line = Line(place)
    monkeypatch.setattr(execute, "channel", lambda: line)
    for builds in (False, True):
        line.other.acquire()
        with execute._locked(place, "teacher") as lock:
            if builds:
                lock.go_on()
    assert line.told == ["lent", "back, lock free", "lent", "back, lock held"]


class Line:
    """In place of the line to a sweep; the artifact is made when a share is lent."""

    def __init__(self, place):
        self.told = []
        place.lock.parent.mkdir()
        self.other, self.third = FileLock(place.lock), FileLock(place.lock)

    def lend(self):
        self.told.append("lent")
        self.other.release()

    def take_back(self):
        try:
            self.third.acquire(timeout=0)
        except Timeout:
            self.told.append("back, lock held")
        else:
            self.third.release()
            self.told.append("back, lock free")
