"""Other machines that run the commands of a sweep's jobs: those of SLURM, or of a Ray cluster."""

import signal
from collections.abc import Mapping
from typing import Any, Protocol

from kdlight.launch.sweep.command import Command
from kdlight.types import UserError


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
