"""Runs the jobs of a sweep, as many at once as there are shares of the machine."""

import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from kdlight.launch.stop import put_off
from kdlight.launch.sweep.job import Process, SweepJob
from kdlight.launch.sweep.shares import Share

AT_MOST = (
    3  # processes a share: those that wait for another's artifact lend theirs, not their memory
)
GRACE_S = 30.0  # for a stopped job to save its last state
TICK_S = 0.2


class Source(Protocol):
    """Where jobs come from."""

    def next(self) -> SweepJob | None:
        """The job to start now; None if there is none, or none before another has ended."""

    def heard(self, job: SweepJob, facts: dict[str, Any]) -> bool:
        """Whether a running job is to be stopped for what it has told."""

    def ended(self, job: SweepJob) -> None:
        """Is told of every job's end."""

    def rest(self) -> Iterable[SweepJob]:
        """Jobs that have not been started."""


class Listed:
    """Jobs known beforehand, in their order."""

    def __init__(self, jobs: Iterable[SweepJob]) -> None:
        self._jobs = list(jobs)

    def next(self) -> SweepJob | None:
        """The next of the list."""
        return self._jobs.pop(0) if self._jobs else None

    def heard(self, job: SweepJob, facts: dict[str, Any]) -> bool:
        """None is stopped."""
        del job, facts
        return False

    def ended(self, job: SweepJob) -> None:
        """Nothing follows from it."""

    def rest(self) -> Iterable[SweepJob]:
        """What is left of the list."""
        return self._jobs


class Schedule:
    """Jobs in their order, each in a share; a job that waits lends its own to others.

    Args:
        source: of the jobs to be done.
        shares: of the machine.
        flags: words of every job's command that are no overrides.
        changed: is called whenever something happened, and every second.
    """

    def __init__(
        self,
        source: Source,
        shares: Sequence[Share],
        flags: Sequence[str],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.source = source
        self.free, self.most = list(shares), AT_MOST * len(shares)
        self.flags, self.changed = flags, changed
        self.running: dict[int, Process] = {}
        self.shares: dict[int, Share] = {}  # of a job, also while it is lent
        self.asking: list[int] = []  # jobs that want a share again, first come first
        self.bound: set[int] = set()  # jobs that have begun on their GPUs

    def run(self) -> None:
        """Until every job has ended. Stops all of them when it is interrupted itself."""
        try:
            while self._hand_out() or self.running:
                self._listen()
                self._bury()
        except BaseException:
            self._stop()
            raise

    def _hand_out(self) -> bool:
        """Gives free shares to jobs that had one before, then to new ones; whether any is new."""
        for number in sorted(self.asking, key=lambda number: number not in self.bound):
            if share := self._fitting(number):
                self._take(number, share)
                self.asking.remove(number)
                self.running[number].grant(share.gpus)
        started = False
        while self.free and len(self.running) < self.most and (job := self.source.next()):
            share = self.free[0]
            self._take(job.number, share)
            with put_off():  # no process that nobody stops
                self.running[job.number] = Process(job, self.flags, share.environment())
            started = True
        return started

    def _fitting(self, number: int) -> Share | None:
        """The share a job had, or any other if it has not begun on the GPUs of that."""
        if self.shares[number] in self.free:
            return self.shares[number]
        return self.free[0] if self.free and number not in self.bound else None

    def _take(self, number: int, share: Share) -> None:
        self.free.remove(share)
        self.shares[number] = share
        self.changed()

    def _listen(self) -> None:
        numbers = {process.facts: process for process in self.running.values()}
        ready, _, _ = select.select(list(numbers), [], [], TICK_S)
        for number in ready:
            process = numbers[number]
            for facts in process.hear():
                self._note(process, facts)
        if not ready:
            self.changed()

    def _note(self, process: Process, facts: dict[str, Any]) -> None:
        job = process.job
        waits, bound = facts.pop("waits", None), facts.pop("bound", False)
        if waits is True:
            job.lend()
            self.bound |= {job.number} if bound else set()
            self.free.append(self.shares[job.number])
        elif waits is False:
            self.asking.append(job.number)
        job.facts |= facts
        if not job.pruned and self.source.heard(job, facts):
            job.pruned = True
            process.stop()

    def _bury(self) -> None:
        for number, process in list(self.running.items()):
            lent = process.job.state == "lent"
            if not process.ended():
                continue
            del self.running[number]
            if number in self.asking:
                self.asking.remove(number)
            if not lent:  # else it is free, or another job's, already
                self.free.append(self.shares[number])
            self.source.ended(process.job)
            self.changed()

    def _stop(self) -> None:
        """Asks all jobs to stop; kills those that take too long, or all at a second interrupt."""
        try:
            for process in self.running.values():
                process.stop()
            until = time.monotonic() + GRACE_S
            while self.running and time.monotonic() < until:
                for number, process in list(self.running.items()):
                    process.hear()
                    if process.ended():
                        process.job.state = "stopped"
                        del self.running[number]
                time.sleep(TICK_S)
        finally:
            for process in self.running.values():
                process.kill()
            for process in self.running.values():
                process.bury()
            for job in self.source.rest():
                job.state = "stopped"
