"""Runs Lightning for a stage: resumes from the last checkpoint, keeps the best weights."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, cast

import lightning as L
import torch
from hydra.utils import instantiate
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.loggers import Logger

from kdlight.data.datamodule import TaskDataModule
from kdlight.methods.base import DivergedError, TaskModule
from kdlight.methods.curves import CurveLogger
from kdlight.methods.last_state import LastState
from kdlight.methods.progress import ProgressCallback
from kdlight.methods.tracking import start_run
from kdlight.methods.wandb_logger import ForgivingWandbLogger
from kdlight.schema import nearest
from kdlight.types import UserError, settings_of

log = logging.getLogger("kdlight")
# Lightning announces devices and advertises products when it is imported and for every fit.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Best:
    """The weights with the best validation score, and that score in percent."""

    weights: dict[str, torch.Tensor]
    score: float


def ranks() -> tuple[int, int]:
    """(rank, number of ranks) of this process, as the launcher set them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def is_first_rank() -> bool:
    """Whether this process writes the results."""
    return ranks()[0] == 0


def device_of(runtime: Mapping[str, Any]) -> str:
    """The device of this rank for work outside Lightning."""
    wanted = runtime["trainer"]["accelerator"]
    cuda = wanted in ("gpu", "cuda") or (wanted == "auto" and torch.cuda.is_available())
    if cuda and not torch.cuda.is_available():
        raise UserError(f"trainer.accelerator={wanted}, but there is no GPU here: set trainer=cpu.")
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu"


def plan_steps(steps: int, evaluations: int) -> tuple[int, int]:
    """Rounds `steps` up to whole validation intervals: (steps, steps between validations)."""
    interval = max(1, -(-steps // evaluations))
    return interval * -(-steps // interval), interval


def fit(
    module: TaskModule,
    data: TaskDataModule,
    out: Path,
    interval: int,
    title: str,
    runtime: Mapping[str, Any],
    callbacks: Sequence[L.Callback] = (),
) -> Best:
    """Trains for `data.steps` steps and returns the weights of the best validation score.

    `out/checkpoints` holds the last state (about every `trainer.checkpoint_seconds`); a run that
    was stopped goes on from there. Only the first rank gets the weights.

    Raises:
        UserError: if a signal stops the training, the last state does not fit, or it diverges.
    """
    settings = _settings(runtime["trainer"])
    curves = CurveLogger(out / "metrics.csv")
    last = LastState(out / "checkpoints", curves, settings.pop("checkpoint_seconds"), interval)
    progress = ProgressCallback(title, data.steps, data.batch_size, runtime.get("quiet", False))
    with settings_of("trainer"):
        trainer = L.Trainer(
            **settings,
            max_epochs=1,
            val_check_interval=interval,
            log_every_n_steps=module.log_every,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            enable_checkpointing=True,
            enable_progress_bar=False,
            enable_model_summary=False,
            logger=[curves, *_wandb(runtime)],
            callbacks=[last, progress, *callbacks],
            default_root_dir=out,
        )
    if resumed := last.newest():
        log.info("%s: continues from the checkpoint of a stopped run", title)
    failed = True
    try:
        trainer.fit(module, data, ckpt_path=resumed, weights_only=True)
        failed = False
    except SystemExit as end:  # Lightning's answer to Ctrl-C and SIGTERM, whatever its status
        raise UserError(f"{title} was stopped; the same command continues it.") from end
    except DivergedError as error:
        raise DivergedError(f"{error}{_kept(last)}") from error
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        if last.started or not resumed:
            raise
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{title} cannot go on from {resumed} ({reason}): it is of another version; remove it "
            "and run the same command again."
        ) from error
    finally:
        _end_runs(trainer.loggers, failed)
    trainer.strategy.barrier()
    prefix = "model."
    network = {k.removeprefix(prefix): v for k, v in last.best.items() if k.startswith(prefix)}
    return Best(network, cast(float, last.score))


def _environment() -> ClusterEnvironment:
    """Torchrun's in a rank; else this process alone, whatever SLURM or MPI says around it."""
    return TorchElasticEnvironment() if TorchElasticEnvironment.detect() else LightningEnvironment()


def _kept(last: LastState) -> str:
    return " The last good checkpoint is kept." if last.newest() else ""


def _settings(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """Lightning's options, all of them known, and `checkpoint_seconds`."""
    settings = dict(trainer)
    if isinstance(settings.get("strategy"), Mapping):  # one that divides the network
        count = settings["devices"] * settings["num_nodes"]
        settings["strategy"] = instantiate(settings["strategy"], data_parallel_size=count)
    known = [*signature(L.Trainer).parameters, "checkpoint_seconds"]
    for key in settings:
        if key not in known:
            raise UserError(f"Lightning's trainer has no option {key}{nearest(key, known)}")
    return {"plugins": [_environment()], **settings}


def _end_runs(loggers: Sequence[Logger], failed: bool) -> None:
    for logger in loggers:
        if isinstance(logger, ForgivingWandbLogger):
            logger.end(failed)


def _wandb(runtime: Mapping[str, Any]) -> list[Logger]:
    run = start_run(runtime["wandb"]) if runtime.get("wandb") and is_first_rank() else None
    return [] if run is None else [ForgivingWandbLogger(run)]
