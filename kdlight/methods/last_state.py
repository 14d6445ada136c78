"""The state a stopped run goes on from."""

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from kdlight.artifacts.fingerprint import hash_file
from kdlight.artifacts.place import remove
from kdlight.methods.curves import CurveLogger

log = logging.getLogger("kdlight")
CHECKSUM = 16  # digits of a file's SHA-256 that stand in its name


class LastState(Checkpoint):
    """Keeps the best weights, and saves everything about every `seconds` to one file.

    That file, `last.<checksum>.ckpt`, holds the best weights and the curves too, so that what
    belongs together cannot be parted: a run that goes on from it reads nothing else.

    Never saved between a step and the validation that follows it: Lightning would leave that
    validation out when it resumes, and another checkpoint could be chosen.

    Weights that are not finite are never saved, and a saved state counts only when the loss or the
    score behind it is finite too: until then the one before stays. So a run that went astray has a
    good state to go on from.

    Args:
        folder: where the file lies; made if it is not there.
        curves: the logger whose lines are part of the state.
        seconds: least time between two saves.
        interval: steps between validations.
    """

    def __init__(self, folder: Path, curves: CurveLogger, seconds: float, interval: int) -> None:
        self.folder, self.curves = folder, curves
        self.seconds, self.interval = seconds, interval
        self.best: dict[str, Tensor] = {}
        self.score: float | None = None
        self.started = False
        self._untried = False  # whether a state is saved that is not known to be good
        self._saved = time.monotonic()

    def newest(self) -> Path | None:
        """The last state that is whole; one that is not is left out, and that is said."""
        states = self.folder.glob("last.*.ckpt")
        for path in sorted(states, key=lambda path: path.stat().st_mtime, reverse=True):
            if path.is_file() and path.name == _name(path):
                return path
            log.warning("%s is damaged and is not used", path)
        return None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """From here on nothing is read from the file any more."""
        del trainer, pl_module
        self.started = True

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Keeps the state before this step, and saves after one that no validation follows."""
        del outputs, batch
        self._keep(trainer)
        if (batch_idx + 1) % self.interval:
            self._save_if_due(trainer, pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keeps the weights if they are the best so far, and saves."""
        score = float(trainer.callback_metrics["val/macro"].nan_to_num(nan=-inf))
        if self.score is None or score > self.score:
            self.score = score
            state = trainer.strategy.lightning_module_state_dict()  # needs every rank
            if trainer.is_global_zero:
                self.best = {k: v.detach().to("cpu", copy=True) for k, v in state.items()}
        self._save_if_due(trainer, pl_module)
        if score > -inf:
            self._keep(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The best weights, their score, and the curves so far."""
        return {"best": self.best, "score": self.score, "curves": self.curves.text()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on with the best weights and the curves of a stopped run."""
        self.best, self.score = state_dict["best"], state_dict["score"]
        self.curves.start(state_dict["curves"])

    def _save_if_due(self, trainer: L.Trainer, module: nn.Module) -> None:
        due = time.monotonic() - self._saved >= self.seconds
        if trainer.world_size > 1:
            due = trainer.strategy.broadcast(due)  # saving needs every rank
        if due and _is_finite(module, trainer):
            self._save(trainer)
            self._saved = time.monotonic()

    def _save(self, trainer: L.Trainer) -> None:
        new = self.folder / "new"
        if trainer.is_global_zero:
            remove(new)
            new.mkdir(parents=True)
        with _temporary_files_in(new):
            trainer.save_checkpoint(new / "state")
        self._untried = True

    def _keep(self, trainer: L.Trainer) -> None:
        """Puts the saved state, now known to be good, into the place of the one before."""
        if self._untried and trainer.is_global_zero:
            new = self.folder / "new" / "state"
            made = self.folder / _name(new)
            if made.is_dir():
                remove(made)
            new.replace(made)
            for path in set(self.folder.glob("last.*.ckpt")) - {made}:
                remove(path)
        self._untried = False


def _is_finite(module: nn.Module, trainer: L.Trainer) -> bool:
    """Whether all weights are, those of the other ranks too where each has a part."""
    found = all(bool(torch.isfinite(_own(weight)).all()) for weight in module.parameters())
    return trainer.strategy.reduce_boolean_decision(found) if trainer.world_size > 1 else found


def _own(weight: Tensor) -> Tensor:
    part: Tensor = weight.to_local() if isinstance(weight, DTensor) else weight
    return part.detach()


def _name(path: Path) -> str:
    return f"last.{hash_file(path)[:CHECKSUM]}.ckpt"


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Lightning writes to a temporary file first: on this disk, where a kill leaves no litter."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
