"""What learning from plain text has in common: hidden tokens, and text that is held out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from kdlight.data.masking import Masking
from kdlight.methods.base import DivergedError
from kdlight.types import Batch


class OnText(nn.Module):
    """To be mixed into a `TaskModule`, in front of it; `judge` gives what is watched."""

    log_dict: Any
    log: Any
    seed: int
    global_rank: int
    trainer: Any
    judge: Callable[[Batch], dict[str, Tensor]]  # the watched values of a batch

    def watch(self, names: list[str], masking: Masking | None) -> None:
        """Makes room for the means of `names`, with `loss` among them; then tokens are hidden."""
        self.held_out: Any = nn.ModuleDict({name: MeanMetric() for name in names})
        self.masking, self._draw = masking, torch.Generator()

    def hidden(self, batch: Batch) -> Batch:
        """The batch with tokens hidden, where the losses ask for that."""
        return batch if self.masking is None else self.masking(batch, self._draw)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seeds the choice of tokens, so that a resumed run makes the same."""
        super().on_train_batch_start(batch, batch_idx)  # type: ignore[misc]
        self._draw.manual_seed((self.seed * 1_000_003 + batch_idx) * 64 + self.global_rank)

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Adds up the watched values; of a batch always the same tokens are hidden."""
        del batch_idx, dataloader_idx
        self._draw.manual_seed(int(batch.rows[0]))
        found = self.judge(batch)
        if not torch.isfinite(found["loss"]):
            raise DivergedError(
                f"The loss on held-out text is {float(found['loss'])} after step "
                f"{self.trainer.global_step}: lower the learning rate."
            )
        for name, value in found.items():
            self.held_out[name].update(value, weight=len(batch))

    def on_validation_epoch_end(self) -> None:
        """Logs `val/text/<name>`; `val/macro`, which chooses a checkpoint, is minus the loss."""
        found = {name: metric.compute() for name, metric in self.held_out.items()}
        for metric in self.held_out.values():
            metric.reset()
        self.log_dict({f"val/text/{name}": value for name, value in found.items()})
        self.log("val/macro", -found["loss"])
