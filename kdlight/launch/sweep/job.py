"""A job of a sweep: a command of its own, in a process of its own."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdlight.launch.environment import clean
from kdlight.measure.channel import VARIABLE

LOG, LOCK = "job.log", "sweep.lock"
PYTHON = sys.executable
NUMBER = re.compile(r"hydra\\?:job\.num")  # Hydra's own quoting puts a backslash there
IN_SWEEP = "KDLIGHT_IN_SWEEP"  # stands in the environment of a job
TAIL, TAIL_BYTES = 5, 20_000  # of a failed job's log that are shown, and that are read


@dataclass
class SweepJob:
    """What is to be done, and how far it is.

    `state` is `waiting` (for its turn), `running`, `lent` (it waits for another's artifact),
    `done`, `failed`, `pruned` (a search has stopped it) or `stopped`; `facts` is what it told last.
    """

    number: int
    overrides: list[str]
    folder: Path
    state: str = "waiting"
    facts: dict[str, Any] = field(default_factory=dict)
    started: float = 0.0  # by the monotonic clock
    seconds: float = 0.0
    away: float = 0.0  # seconds of these in which it waited for another's artifact
    left_at: float = 0.0  # when it last began to
    pruned: bool = False
    status: int | None = None  # with what its process has ended

    def lend(self) -> None:
        """It waits from now on for what another job builds."""
        self.state, self.left_at = "lent", time.monotonic()

    def come_back(self) -> None:
        """It goes on."""
        self.state = "running"
        self.away += time.monotonic() - self.left_at

    @property
    def worked(self) -> float:
        """Seconds that it was, or has been so far, at work."""
        now = time.monotonic()
        whole = self.seconds or now - self.started
        return whole - self.away - (now - self.left_at if self.state == "lent" else 0.0)

    @property
    def result(self) -> dict[str, Any] | None:
        """What it left, or None if it is not finished."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        except (OSError, ValueError):
            return None
        return found

    @property
    def reason(self) -> str:
        """Why it has failed, as far as its status tells; its log says the rest."""
        if self.status is None:
            return ""
        if self.status < 0:
            memory = " (out of memory?)" if self.status == -signal.SIGKILL else ""
            return f"killed by signal {-self.status}{memory}"
        return f"status {self.status}" if self.status else "without a result"

    def last_lines(self, count: int = TAIL) -> list[str]:
        """The end of its log."""
        with suppress(OSError), (self.folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]
        return []


class Process:
    """A running job.

    Args:
        job: is told what the process says.
        flags: words of the command that are no overrides.
        environment: further variables, such as the GPUs it may use.
    """

    def __init__(self, job: SweepJob, flags: Sequence[str], environment: Mapping[str, str]) -> None:
        self.job = job
        job.started = time.monotonic()
        job.folder.mkdir(parents=True, exist_ok=True)
        theirs_in, self._grants = os.pipe()
        self.facts, theirs_out = os.pipe()
        os.set_blocking(self.facts, False)
        self._rest = b""
        ends = f"{theirs_in},{theirs_out}"
        command = job_command(flags, job)
        with (job.folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**clean(os.environ), **environment, VARIABLE: ends, IN_SWEEP: "1"},
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,  # Ctrl-C reaches the sweep, which stops its jobs in order
            )
        os.close(theirs_in)
        os.close(theirs_out)
        job.state = "running"

    def grant(self, gpus: Sequence[str]) -> None:
        """Gives the job a share again, with these GPUs."""
        with suppress(OSError):
            os.write(self._grants, f"{','.join(gpus)}\n".encode())
        self.job.come_back()

    def hear(self) -> list[dict[str, Any]]:
        """What the job has said since the last call."""
        with suppress(BlockingIOError):
            while chunk := os.read(self.facts, 65536):
                self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return [json.loads(line) for line in lines]

    def ended(self) -> bool:
        """Whether the process is gone; settles the job's state."""
        status = self._process.poll()
        if status is None:
            return False
        self.job.status = status
        finished = status == 0 and self.job.result is not None
        self.job.state = "done" if finished else "pruned" if self.job.pruned else "failed"
        self.job.seconds = time.monotonic() - self.job.started
        self.close()
        return True

    def stop(self) -> None:
        """Asks the job to stop; it keeps its last state."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the job and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Waits for the end of a job that was killed."""
        self._process.wait()
        self.job.state = "stopped"
        self.close()

    def close(self) -> None:
        """Lets go of the pipes."""
        for number in (self._grants, self.facts):
            with suppress(OSError):
                os.close(number)


def at_work(folder: Path) -> bool:
    """Whether a command is at work on the sweep in this folder."""
    try:
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # the folder is gone
        return False
    return False


def job_command(flags: Sequence[str], job: SweepJob) -> list[str]:
    """The command of a job, which writes to its folder and knows its number if it asks for it."""
    words = [*flags, *job.overrides]
    if any(NUMBER.search(word) for word in words):
        words.append(f"hydra.job.num={job.number}")
    return [PYTHON, "-m", "kdlight.run", *words, f"hydra.run.dir={_quoted(job.folder)}"]


def _quoted(path: Path) -> str:
    """A path as the value of an override."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"
