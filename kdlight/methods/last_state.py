"""The state a stopped run goes on from."""

import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint


class LastState(Checkpoint):
    """Saves everything to one file about every `seconds`, each time over the last.

    Never between a step and the validation that follows it: Lightning would leave that
    validation out when it resumes, and another checkpoint could be chosen.

    Args:
        path: the file.
        seconds: least time between two saves.
        interval: steps between validations.
    """

    def __init__(self, path: Path, seconds: float, interval: int) -> None:
        self.path, self.seconds, self.interval = path, seconds, interval
        self._saved = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Saves after a step that no validation follows."""
        del pl_module, outputs, batch
        if (batch_idx + 1) % self.interval:
            self._save_if_due(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Saves after a validation, when the best weights are on disk."""
        del pl_module
        self._save_if_due(trainer)

    def _save_if_due(self, trainer: L.Trainer) -> None:
        due = time.monotonic() - self._saved >= self.seconds
        if trainer.world_size > 1:
            due = trainer.strategy.broadcast(due)  # saving needs every rank
        if due:
            trainer.save_checkpoint(self.path)
            self._saved = time.monotonic()
