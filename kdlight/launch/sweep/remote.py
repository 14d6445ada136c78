"""Jobs of a sweep on other machines, through submitit (SLURM) or Ray.

Artifacts lie on the file system that the machines share.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from kdlight.launch.stop import put_off
from kdlight.launch.sweep.command import Command
from kdlight.launch.sweep.job import SweepJob, job_command
from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.schedule import Source
from kdlight.launch.sweep.shares import CUDA, check_devices
from kdlight.launch.sweep.view import View
from kdlight.launch.sweep.words import flags
from kdlight.types import UserError

TICK_S = 1.0
LATE_S = 30.0  # a file written on one machine may be seen on another only after a while


class Pool(Protocol):
    """Machines that run commands."""

    def start(self, command: Command, name: str) -> Any:
        """Sends a command off; a handle on it."""

    def state(self, handle: Any) -> str:
        """`queued`, `running` or `ended`."""

    def status(self, handle: Any) -> int:
        """With what a command ended."""

    def cancel(self, handle: Any) -> None:
        """Ends a command."""


class SubmititPool:
    """SLURM, or processes of this machine (`cluster=local`), by submitit.

    Args:
        folder: for submitit's own files.
        cluster: `slurm`, `local`, or None for SLURM where it is.
        parameters: of `submitit.AutoExecutor.update_parameters`; None values are left out.
    """

    def __init__(self, folder: str, cluster: str | None, parameters: Mapping[str, Any]) -> None:
        try:
            import submitit
        except ImportError as error:
            raise UserError(
                "hydra/launcher=submitit needs submitit: pip install 'kdlight[slurm]'."
            ) from error
        self._executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        given = {key: value for key, value in parameters.items() if value is not None}
        try:
            self._executor.update_parameters(**given)
        except (NameError, ValueError, AssertionError) as error:
            reason = str(error).split("\n")[0]
            raise UserError(f"hydra.launcher.parameters: {reason}") from error

    def start(self, command: Command, name: str) -> Any:
        """Submits it as a job of its own."""
        self._executor.update_parameters(name=name)
        return self._executor.submit(command)

    def state(self, handle: Any) -> str:
        """As the queue says."""
        if handle.done():
            return "ended"
        return "queued" if handle.state in ("PENDING", "UNKNOWN", "REQUEUED") else "running"

    def status(self, handle: Any) -> int:
        """1 also if the machine failed."""
        return 1 if handle.exception() is not None else int(handle.result())

    def cancel(self, handle: Any) -> None:
        """Takes the job from the queue or ends it."""
        handle.cancel()


class RayPool:
    """A Ray cluster, or this machine.

    Args:
        address: of the cluster; None starts Ray here.
        num_cpus: of each job.
        num_gpus: of each job; Ray sets which.
    """

    def __init__(self, address: str | None, num_cpus: float, num_gpus: float) -> None:
        try:
            import ray
        except ImportError as error:
            raise UserError("hydra/launcher=ray needs Ray: pip install 'kdlight[ray]'.") from error
        self._ray = ray
        if not ray.is_initialized():
            answer = signal.getsignal(signal.SIGTERM)  # Ray puts its own in place
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
            signal.signal(signal.SIGTERM, answer)
        threads = {"OMP_NUM_THREADS": str(max(1, int(num_cpus)))}
        self._run = ray.remote(
            num_cpus=num_cpus, num_gpus=num_gpus, max_retries=0,
            runtime_env={"env_vars": threads},
        )(_run)  # fmt: skip

    def start(self, command: Command, name: str) -> Any:
        """As a task."""
        return self._run.options(name=name).remote(command)

    def state(self, handle: Any) -> str:
        """Ray does not say whether a task waits for a machine."""
        done, _ = self._ray.wait([handle], timeout=0)
        return "ended" if done else "running"

    def status(self, handle: Any) -> int:
        """1 also if the machine failed."""
        try:
            return int(self._ray.get(handle))
        except (self._ray.exceptions.RayError, KeyboardInterrupt):
            return 1

    def cancel(self, handle: Any) -> None:
        """Interrupts the task, which stops its command."""
        self._ray.cancel(handle, force=False)


def _run(command: Command) -> int:
    return command()


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
                words = job_command(flags, job.overrides, job.folder)
                command = Command(tuple(words), str(job.folder), here)
                with put_off():  # no job that nobody cancels
                    running[job.number] = (job, pool.start(command, f"kdlight-{job.number}"))
            if not running:
                return
            for number, (job, handle) in list(running.items()):
                state = pool.state(handle)
                if state != "ended":
                    _note(job, "waiting" if state == "queued" else "running")
                    continue
                # Another command, whose own was lost, may have finished the same job.
                well = job.result or (pool.status(handle) == 0 and _left_a_result(job))
                _note(job, "done" if well else "failed")
                del running[number]
                source.ended(job)
            changed()
            time.sleep(TICK_S)
    except BaseException:
        for job in (*(job for job, _ in running.values()), *source.rest()):
            job.state = "stopped"
        _cancel(pool, [handle for _, handle in running.values()])
        raise


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
