"""Further processes of a job, `launcher.processes`: each builds artifacts that no other is at."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

from kdlight.launch.environment import clean
from kdlight.launch.ranks import MARK
from kdlight.launch.sweep.job import IN_SWEEP
from kdlight.launch.sweep.shares import CUDA, own_gpus

log = logging.getLogger("kdlight")
LOG = "helper.log"
PATIENCE = 5.0  # seconds for the last words of one that has ended
HELPED = ("run", "evaluate", "teacher", "teacher_outputs", "student")


def processes(config: Mapping[str, Any]) -> int:
    """How many a job has: one if it is of a sweep, measures speed, or trains on several devices."""
    trainer = config["trainer"]
    alone = trainer["devices"] * trainer["num_nodes"] > 1 or IN_SWEEP in os.environ
    return 1 if alone or config["job"] not in HELPED else int(config["launcher"]["processes"])


class Helpers:
    """The processes beside this one, while the block lasts.

    They build as this one does, artifact by artifact, each under its lock; what one of them cannot
    do is left to this one. Their lines of progress are this one's; the rest goes to `helper.log`.

    Args:
        config: of the job.
        folder: the run folder.
        count: how many.
    """

    def __init__(self, config: Mapping[str, Any], folder: Path, count: int) -> None:
        self.config, self.folder, self.count = config, folder, count
        self._running: list[tuple[subprocess.Popen[str], Thread]] = []

    def __enter__(self) -> "Helpers":
        try:
            for number in range(self.count):
                process = self._started(number + 1)
                reader = Thread(target=self._pass_on, args=(process,), daemon=True)
                reader.start()
                self._running.append((process, reader))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def finish(self, heard: bool = True) -> None:
        """Waits for them to end; of one that failed it is told where the reason stands."""
        while self._running:
            process, reader = self._running[-1]
            status = process.wait()
            reader.join(PATIENCE)
            if process.stdin:
                process.stdin.close()
            self._running.pop()
            if status and heard:
                place = os.path.relpath(self.folder / LOG)
                log.warning("A helper ended with status %d (%s); this went on.", status, place)

    def _end(self) -> None:
        for process, _ in self._running:
            process.terminate()
        self.finish(heard=False)

    def _started(self, number: int) -> "subprocess.Popen[str]":
        environment = clean(os.environ)
        gpus = own_gpus() if self.config["trainer"]["accelerator"] in (*CUDA, "auto") else []
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
        process = subprocess.Popen(
            [sys.executable, "-m", "kdlight.launch.helper"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches this process, which stops it in order
        )
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(f"{json.dumps(self.config)}\n")
            process.stdin.flush()
        return process

    def _pass_on(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if line.startswith(MARK):
                    log.info("%s", line.removeprefix(MARK).rstrip())
                else:  # of a full disk the stages speak
                    with suppress(OSError), (self.folder / LOG).open("a") as file:
                        file.write(line)
