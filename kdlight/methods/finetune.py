"""Learning from gold labels: teachers, and students without a teacher."""

from torch import Tensor

from kdlight.losses.hard import hard_loss
from kdlight.methods.base import TaskModule
from kdlight.types import Batch


class Finetune(TaskModule):
    """Cross-entropy, or squared error for a graded task, on labelled rows."""

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Hard loss of the batch."""
        hard = hard_loss(self.model(batch).logits, batch.labels)
        return hard, {"hard": hard.detach()}
