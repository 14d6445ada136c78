"""Shares of the machine: which GPUs, and how many processor threads, a job may use."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from kdlight.launch.environment import hardware
from kdlight.types import UserError

log = logging.getLogger("kdlight")
CUDA = ("gpu", "cuda")


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
    gpus = own_gpus()
    if each > len(gpus):
        raise UserError(
            f"launcher.gpus_per_job={each}, but there are {len(gpus)} GPUs here: set it to "
            f"{len(gpus)} or less."
        )
    count = min(wanted, len(gpus) // each) if each else wanted
    cpus = launcher["cpus_per_job"] or _threads(count)
    return [Share(tuple(gpus[n * each : (n + 1) * each]), cpus) for n in range(count)]


def _threads(count: int) -> int:
    """Of each job: what the user has set for a process, else an equal part of the cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given):
        return int(given)
    return max(1, len(os.sched_getaffinity(0)) // count)


def check_devices(
    trainer: Mapping[str, Any], each: float | None, key: str, here: bool = True
) -> None:
    """Refuses a job that its share does not fit.

    Args:
        trainer: of the job's configuration.
        each: GPUs that each job gets; None where somebody else decides.
        key: what sets them.
        here: whether jobs run on this machine.

    Raises:
        UserError: with the remedy.
    """
    accelerator, devices = trainer["accelerator"], trainer["devices"]
    if each and accelerator == "cpu":
        raise UserError(
            f"{key}={each} gives each job GPUs that trainer.accelerator=cpu leaves idle: add "
            f"trainer=gpu (of ranks: trainer.accelerator=gpu), or set {key}=0."
        )
    if each and each < devices and (each >= 1 or devices > 1):
        raise UserError(
            f"trainer.devices={devices} ranks want a GPU each: set {key}={devices}, or "
            f"trainer.devices={max(1, int(each))}."
        )
    if here and accelerator in CUDA and not own_gpus():
        raise UserError(
            f"trainer.accelerator={accelerator}, but there is no GPU here: set trainer=cpu."
        )


def warn_of_one_gpu(config: Mapping[str, Any]) -> None:
    """Says so if jobs at once would all train on the first GPU."""
    launcher, accelerator = config["launcher"], config["trainer"]["accelerator"]
    if accelerator in CUDA and launcher["max_parallel"] > 1 and not launcher["gpus_per_job"]:
        log.warning(
            "All jobs at once share the first GPU; launcher.gpus_per_job=1 gives each its own."
        )


def own_gpus() -> list[str]:
    """Ids of the GPUs that this process may use: as CUDA reads them, none from a wrong one on."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        wanted = (name.strip() for name in visible.split(","))
        return list(takewhile(lambda name: name and not name.startswith("-"), wanted))
    names = str(hardware()["gpus"])
    return [str(number) for number in range(len(names.split(", ")))] if names else []
