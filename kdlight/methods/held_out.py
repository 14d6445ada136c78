"""What learning from plain text is judged by: its own losses on text that is held out."""

from typing import Any

from torch import Tensor, nn
from torchmetrics import MeanMetric

from kdlight.types import Batch


class HeldOut(nn.Module):
    """Means over the held-out text; to be mixed into a `TaskModule`.

    `watched` names the values that `judge` gives for a batch.
    """

    log_dict: Any
    log: Any

    def watch(self, names: list[str]) -> None:
        """Makes room for the means; `loss` is among the names."""
        self.held_out: Any = nn.ModuleDict({name: MeanMetric() for name in names})

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """The watched values of a batch."""
        raise NotImplementedError

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Adds up the watched values."""
        del batch_idx, dataloader_idx
        for name, value in self.judge(batch).items():
            self.held_out[name].update(value, weight=len(batch))

    def on_validation_epoch_end(self) -> None:
        """Logs `val/text/<name>`; `val/macro`, which chooses a checkpoint, is minus the loss."""
        found = {name: metric.compute() for name, metric in self.held_out.items()}
        for metric in self.held_out.values():
            metric.reset()
        self.log_dict({f"val/text/{name}": value for name, value in found.items()})
        self.log("val/macro", -found["loss"])
