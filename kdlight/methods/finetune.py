"""Learning from gold labels: teachers, and students without a teacher."""

from torch import Tensor

from kdlight.losses.hard import hard_loss
from kdlight.methods.base import TaskModule
from kdlight.types import Batch


class Finetune(TaskModule):
    """Cross-entropy, or squared error of grades in units of half their range, on labelled rows."""

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Hard loss of the batch."""
        unit = self.model.unit(batch.task)
        hard = hard_loss(self.model(batch).logits / unit, batch.labels / unit)
        return hard, {"hard": hard.detach()}
