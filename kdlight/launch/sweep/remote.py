"""Jobs of a sweep on other machines, through submitit (SLURM) or Ray.

Artifacts lie on the file system that the machines share.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdlight.launch.stop import put_off
from kdlight.launch.sweep.command import Command
from kdlight.launch.sweep.job import SweepJob, job_command
from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.pools import Pool, RayPool, SubmititPool
from kdlight.launch.sweep.schedule import Source
from kdlight.launch.sweep.shares import CUDA, check_devices
from kdlight.launch.sweep.view import View
from kdlight.launch.sweep.words import flags
from kdlight.types import UserError

TICK_S = 1.0
LATE_S = 30.0  # a file written on one machine may be seen on another only after a while


def follow(
    source: Source, pool: Pool, at_once: int, flags: Sequence[str], changed: Callable[[], None]
) -> None:
    """Sends a source's jobs to a pool, at most `at_once` at a time, until all have ended.

    Raises:
        UserError: if none may run.
    """
    if at_once < 1:
        raise UserError(f"hydra.launcher.max_parallel={at_once} must be 1 or more.")
    running: dict[int, tuple[SweepJob, Any]] = {}
    here = os.getcwd()
    try:
        while True:
            while len(running) < at_once and (job := source.next()):
                job.folder.mkdir(parents=True, exist_ok=True)
                words = job_command(flags, job)
                command = Command(tuple(words), str(job.folder), here)
                with put_off():  # no job that nobody cancels
                    running[job.number] = (job, pool.start(command, f"kdlight-{job.number}"))
            if not running:
                return
            for number, (job, handle) in list(running.items()):
                if _has_ended(job, pool, handle):
                    del running[number]
                    source.ended(job)
            changed()
            time.sleep(TICK_S)
    except BaseException:
        for job in (*(job for job, _ in running.values()), *source.rest()):
            job.state = "stopped"
        _cancel(pool, [handle for _, handle in running.values()])
        raise


def _has_ended(job: SweepJob, pool: Pool, handle: Any) -> bool:
    """Notes how far a job is."""
    state = pool.state(handle)
    if state != "ended":
        _note(job, "waiting" if state == "queued" else "running")
        # It has no line to this process, but what it logs may be seen here.
        line = "".join(job.last_lines(1))
        job.facts["line"] = re.sub(r"^\[[^]]*\] ", "", line) or "running"
        return False
    # Another command, whose own was lost, may have finished the same job.
    if not (well := job.result is not None):
        job.status = pool.status(handle)
        well = job.status == 0 and _left_a_result(job)
    _note(job, "done" if well else "failed")
    return True


def _note(job: SweepJob, state: str) -> None:
    """Its new state, and since when it runs or how long it has run."""
    if state == "running" and job.state != "running":
        job.started = time.monotonic()
    elif state in ("done", "failed") and job.started:
        job.seconds = time.monotonic() - job.started
    job.state = state


def _left_a_result(job: SweepJob) -> bool:
    """Whether a job that ended well is seen to have done so."""
    until = time.monotonic() + LATE_S
    while job.result is None and time.monotonic() < until:
        time.sleep(TICK_S)
    return job.result is not None


def _cancel(pool: Pool, handles: list[Any]) -> None:
    """Ends them all, also when it is interrupted itself, and waits for the end unless it is."""
    for number, handle in enumerate(handles):
        try:
            pool.cancel(handle)
        except BaseException:
            for left in handles[number:]:
                pool.cancel(left)
            raise
    until = time.monotonic() + LATE_S
    while time.monotonic() < until and any(pool.state(handle) != "ended" for handle in handles):
        time.sleep(0.2)


class SubmititLauncher(SweepLauncher):
    """`hydra/launcher=submitit`: a SLURM job for each job of the sweep."""

    def __init__(
        self, cluster: str | None, max_parallel: int, parameters: Mapping[str, Any]
    ) -> None:
        self.cluster, self.max_parallel, self.parameters = cluster, max_parallel, parameters

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuses a job that does not fit its machine."""
        each, key = self.parameters.get("gpus_per_node"), "hydra.launcher.parameters.gpus_per_node"
        check_devices(config["trainer"], each, key, here=self.cluster == "local")

    def do(self, source: Source, jobs: Sequence[SweepJob], total: int) -> None:
        """Submits the jobs and waits for them."""
        folder = os.path.abspath(f"{self.config.outputs}/submitit")
        pool = SubmititPool(folder, self.cluster, self.parameters)
        with View(jobs, self.max_parallel, total) as view:
            follow(source, pool, self.max_parallel, flags(self.config.hydra), view.update)


class RayLauncher(SweepLauncher):
    """`hydra/launcher=ray`: a Ray task for each job of the sweep."""

    def __init__(
        self, address: str | None, max_parallel: int, num_cpus: float, num_gpus: float
    ) -> None:
        self.address, self.max_parallel = address, max_parallel
        self.num_cpus, self.num_gpus = num_cpus, num_gpus

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuses a job that does not fit what Ray gives it."""
        trainer = config["trainer"]
        if trainer["accelerator"] in CUDA and not self.num_gpus:
            raise UserError(
                f"trainer.accelerator={trainer['accelerator']} needs "
                f"hydra.launcher.num_gpus={trainer['devices']}: Ray hides all other GPUs."
            )
        check_devices(trainer, self.num_gpus, "hydra.launcher.num_gpus", here=False)

    def do(self, source: Source, jobs: Sequence[SweepJob], total: int) -> None:
        """Sends the jobs to the cluster and waits for them."""
        pool = RayPool(self.address, self.num_cpus, self.num_gpus)
        with View(jobs, self.max_parallel, total) as view:
            follow(source, pool, self.max_parallel, flags(self.config.hydra), view.update)
