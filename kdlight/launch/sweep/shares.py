"""Shares of the machine: which GPUs, and how many processor threads, a job may use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdlight.launch.environment import hardware
from kdlight.types import UserError


@dataclass(frozen=True)
class Share:
    """GPUs by their ids as in `CUDA_VISIBLE_DEVICES`, and a number of threads."""

    gpus: tuple[str, ...]
    cpus: int

    def environment(self) -> dict[str, str]:
        """Variables that keep a job to this share."""
        found = {"OMP_NUM_THREADS": str(self.cpus)}
        return found | ({"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else {})


def shares(launcher: Mapping[str, Any]) -> list[Share]:
    """The shares of this machine, as `launcher.*` says.

    Raises:
        UserError: if there are fewer GPUs than one job wants.
    """
    each, wanted = launcher["gpus_per_job"], launcher["max_parallel"]
    gpus = _gpus()
    if each > len(gpus):
        raise UserError(
            f"launcher.gpus_per_job={each}, but there are {len(gpus)} GPUs here: set it to "
            f"{len(gpus)} or less."
        )
    count = min(wanted, len(gpus) // each) if each else wanted
    cpus = launcher["cpus_per_job"] or max(1, len(os.sched_getaffinity(0)) // count)
    return [Share(tuple(gpus[n * each : (n + 1) * each]), cpus) for n in range(count)]


def _gpus() -> list[str]:
    """Ids of the GPUs that this process may use."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in visible.split(",") if name.strip()]
    names = str(hardware()["gpus"])
    return [str(number) for number in range(len(names.split(", ")))] if names else []
