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
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger, WandbLogger

from kdlight.data.datamodule import TaskDataModule
from kdlight.methods.base import TaskModule
from kdlight.methods.curves import CurveLogger
from kdlight.methods.last_state import LastState
from kdlight.methods.progress import ProgressCallback
from kdlight.methods.tracking import start_run
from kdlight.schema import nearest
from kdlight.types import UserError

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

    `out/checkpoints` holds the last state (about every `trainer.checkpoint_seconds`) and the
    best weights; a run that was stopped goes on from there.

    Raises:
        UserError: if a signal stops the training.
    """
    folder = out / "checkpoints"
    settings = dict(runtime["trainer"])
    _check_options(settings)
    resumed = folder / "last.ckpt"
    last = LastState(resumed, settings.pop("checkpoint_seconds"), interval)
    best = ModelCheckpoint(
        dirpath=folder,
        filename="best",
        monitor="val/macro",
        mode="max",
        save_weights_only=True,
        enable_version_counter=False,
    )
    trainer = L.Trainer(
        **settings,
        max_epochs=1,
        val_check_interval=interval,
        log_every_n_steps=module.log_every,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=_loggers(out, runtime),
        callbacks=[best, last, ProgressCallback(title, data.steps, data.batch_size), *callbacks],
        default_root_dir=out,
    )
    if resumed.exists():
        log.info("%s: continues from the checkpoint of a stopped run", title)
    failed = True
    try:
        checkpoint = resumed if resumed.exists() else None
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
        failed = False
    except SystemExit as end:  # Lightning's answer to Ctrl-C and SIGTERM, whatever its status
        raise UserError(f"{title} was stopped; the same command continues it.") from end
    finally:
        _end_runs(trainer.loggers, failed)
    trainer.strategy.barrier()
    weights = torch.load(folder / "best.ckpt", map_location="cpu", weights_only=True)["state_dict"]
    prefix = "model."
    network = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    return Best(network, float(cast(torch.Tensor, best.best_model_score)))


def _check_options(settings: Mapping[str, Any]) -> None:
    known = [*signature(L.Trainer).parameters, "checkpoint_seconds"]
    for key in settings:
        if key not in known:
            raise UserError(f"Lightning's trainer has no option {key}{nearest(key, known)}")


def _end_runs(loggers: Sequence[Logger], failed: bool) -> None:
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish(exit_code=int(failed))


def _loggers(out: Path, runtime: Mapping[str, Any]) -> list[Logger]:
    loggers: list[Logger] = [CurveLogger(out / "metrics.csv")]
    run = start_run(runtime["wandb"]) if runtime.get("wandb") and is_first_rank() else None
    if run is not None:
        loggers.append(WandbLogger(experiment=run))
    return loggers
