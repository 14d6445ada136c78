"""Runs the jobs of a sweep, as many at once as there are shares of the machine."""

import select
import time
from collections.abc import Callable, Sequence

from kdlight.launch.sweep.job import Process, SweepJob
from kdlight.launch.sweep.shares import Share

GRACE_S = 30.0  # for a stopped job to save its last state
TICK_S = 0.2


class Schedule:
    """Jobs in their order, each in a share; a job that waits lends its own to others.

    Args:
        jobs: those to be done.
        shares: of the machine.
        flags: words of every job's command that are no overrides.
        changed: is called whenever something happened, and every second.
    """

    def __init__(
        self,
        jobs: Sequence[SweepJob],
        shares: Sequence[Share],
        flags: Sequence[str],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.waiting = list(jobs)
        self.free = list(shares)
        self.flags, self.changed = flags, changed
        self.running: dict[int, Process] = {}
        self.shares: dict[int, Share] = {}  # of a job, also while it is lent
        self.asking: list[int] = []  # jobs that want their share back, first come first

    def run(self) -> None:
        """Until every job has ended. Stops all of them when it is interrupted itself."""
        try:
            while self.waiting or self.running:
                self._hand_out()
                self._listen()
                self._bury()
        except BaseException:
            self._stop()
            raise

    def _hand_out(self) -> None:
        """Gives free shares to jobs that had one before, then to new ones."""
        for number in list(self.asking):
            if share := self._fitting(self.shares[number]):
                self._take(number, share)
                self.asking.remove(number)
                self.running[number].grant()
        while self.free and self.waiting:
            job = self.waiting.pop(0)
            share = self.free[0]
            self._take(job.number, share)
            self.running[job.number] = Process(job, self.flags, share.environment())

    def _fitting(self, before: Share) -> Share | None:
        """The share a job had, or any other if no GPU is bound to it."""
        if before in self.free:
            return before
        return self.free[0] if self.free and not before.gpus else None

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

    def _note(self, process: Process, facts: dict) -> None:
        job = process.job
        waits = facts.pop("waits", None)
        if waits is True:
            job.state = "lent"
            self.free.append(self.shares[job.number])
        elif waits is False:
            self.asking.append(job.number)
        job.facts |= facts

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
            self.changed()

    def _stop(self) -> None:
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
        for process in self.running.values():
            process.kill()
        for job in self.waiting:
            job.state = "stopped"
