"""A job of a sweep as something that another machine can be sent and run."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from kdlight.launch.environment import clean
from kdlight.launch.sweep.job import IN_SWEEP, LOG

GRACE_S, TICK_S = 60.0, 0.2


@dataclass(frozen=True)
class Command:
    """A job's command, run in the folder where the sweep was typed.

    Called, it runs the command, whose output goes to the job's log, and returns its status. What
    ends the call ends the command, which saves its state before.
    """

    words: tuple[str, ...]
    folder: str  # of the job
    started_in: str

    def __call__(self) -> int:
        """Runs the command."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        with (Path(self.folder) / LOG).open("ab") as log:
            process = subprocess.Popen(
                self.words,
                cwd=self.started_in,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**clean(os.environ), IN_SWEEP: "1"},
            )

        def stop(number: int, frame: FrameType | None) -> None:
            del number, frame
            process.terminate()

        try:
            for number in _changed(before):
                signal.signal(number, stop)
            while process.poll() is None:  # Ray's interrupt does not reach a process that waits
                time.sleep(TICK_S)
            return process.returncode
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(GRACE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
            for number in _changed(before):
                signal.signal(number, before[number])

    def checkpoint(self) -> Any:
        """What submitit queues again when SLURM takes the machine away: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _changed(before: dict[signal.Signals, Any]) -> list[signal.Signals]:
    """Signals to which this process has no answer of its own."""
    alone = threading.current_thread() is not threading.main_thread()
    return [] if alone else [n for n, answer in before.items() if answer is signal.SIG_DFL]
