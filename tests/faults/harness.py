"""Commands that can be cut, and what must be equal however often they were."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from commands import ROOT, environment

# How many times more often than by default the seeded faults are tried.
ROUNDS = int(os.environ.get("KDLIGHT_FAULT_ROUNDS", "1"))
# What a run measures or notes about itself, and no artifact is made of.
OWN = ("manifest.json", "latency.json")


class Command:
    """A command in a process of its own, forked by a nursery."""

    def __init__(self, nursery: "Nursery", pid: int, log: Path) -> None:
        self.nursery, self.pid, self.log = nursery, pid, log
        self.status: int | None = None

    def poll(self) -> int | None:
        if self.status is None:
            self.status = self.nursery.ask({"poll": self.pid})
        return self.status

    def wait(self, seconds: float = 300) -> int:
        """The exit status; a command that hangs is killed and fails the test."""
        wait_until(lambda: self.poll() is not None, seconds, self.said)
        assert self.status is not None
        return self.status

    def kill(self, sign: int = signal.SIGKILL) -> None:
        if self.poll() is None:
            os.kill(self.pid, sign)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Nursery:
    """Starts commands in a third of the time: it has the big libraries loaded, and forks."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            env=environment() | {"PYTHONWARNINGS": "ignore"},
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"
        self.started: list[Command] = []

    def ask(self, request: dict[str, Any]) -> Any:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, folder: Path, *overrides: str, **options: Any) -> Command:
        """See `nursery._command` for the options."""
        log = folder.with_name(f"{folder.name}.{len(self.started)}.log")
        request = {"folder": str(folder), "overrides": overrides, "log": str(log), **options}
        command = Command(self, self.ask({"start": request}), log)
        self.started.append(command)
        return command

    def close(self) -> None:
        for command in self.started:
            command.kill()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def wait_until(
    condition: Callable[[], Any], seconds: float, why: Callable[[], str] = lambda: "too late"
) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.005)


def contents(folder: Path) -> dict[str, str]:
    """Hashes of all that the artifacts below `folder` are, by path."""
    root = folder / "outputs/artifacts"
    return {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.name not in OWN and path.suffix not in (".lock", ".workers")
    }


def scores(folder: Path) -> list[Any]:
    """Teacher, student and baseline of every finished run, oldest first."""
    found = sorted(folder.glob("outputs/runs/*/*/result.json"))
    parts = ("teacher", "student", "baseline", "variants", "macro", "retention")
    return [[json.loads(path.read_text())[part] for part in parts] for path in found]


def left_over(folder: Path) -> list[str]:
    """What no finished command leaves: half-built folders and temporary files."""
    found = folder.glob("outputs/**/*")
    return [str(p) for p in found if p.suffix in (".building", ".new", ".tmp")]


def mentioning(text: str) -> list[str]:
    """Command lines of the live processes that name `text`."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(words)
    return found


def sentence(said: str) -> str:
    """The one sentence of a command that failed for a reason its user can mend."""
    assert "Traceback" not in said, said
    last = said.strip().splitlines()[-1]
    return last.split("] ", 1)[1] if last.startswith("[") else last
