"""Shows how far training is."""

from typing import Any, cast

import lightning as L
from lightning.pytorch.loggers import WandbLogger

from kdlight.measure.channel import channel
from kdlight.measure.meter import Meter
from kdlight.methods.base import TaskModule


class ProgressCallback(L.Callback):
    """Shows a `Meter` of rows while Lightning trains, unless it is to be `quiet`."""

    def __init__(self, title: str, steps: int, batch_size: int, quiet: bool = False) -> None:
        self.title, self.steps, self.batch_size, self.quiet = title, steps, batch_size, quiet
        self._meter: Meter | None = None
        self._best = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts at the step the run continues from."""
        del pl_module
        self._meter = Meter(
            self.title,
            self.steps * self.batch_size,
            "rows",
            done=trainer.global_step * self.batch_size,
            quiet=self.quiet or not trainer.is_global_zero,
        ).__enter__()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any
    ) -> None:
        """Counts the rows of the step; W&B is told their rate, which no artifact should hold."""
        del args
        if self._meter is None:
            return
        self._meter.advance(self.batch_size)
        if trainer.global_step % cast(TaskModule, pl_module).log_every == 0:
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    rate = {"rows_per_second": self._meter.rate}
                    logger.log_metrics(rate, trainer.global_step - 1)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Shows the newest validation score."""
        del pl_module
        found = trainer.callback_metrics
        if self._meter and "val/text/loss" in found:  # of plain text there is no score
            self._meter.note = f"val/text/loss {float(found['val/text/loss']):.4g}"
        elif self._meter and "val/macro" in found:
            score = float(found["val/macro"])
            self._meter.note = f"val/macro {score:.1f}"
            self._best = max(score, self._best)
            told = {"network": self.title, "step": trainer.global_step, "score": score}
            channel().tell(best=self._best, **told)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Removes the bar, also after an error."""
        del trainer, pl_module, stage
        if self._meter:
            self._meter.__exit__()
            self._meter = None
