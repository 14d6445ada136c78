"""The loss on gold labels."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.types import Batch, ModelOutput


def decisions(logits: Tensor) -> Tensor:
    """One line a decision: [batch classes] as it is; [batch 2 seq] of spans as [batch*2 seq]."""
    return logits.flatten(0, -2)


def hard_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (several outputs) or squared error (one output), summed over known labels.

    The sum is divided by all rows, labelled or not, so that the loss of a batch is the mean
    of the losses of its halves.

    Shapes: `logits` [batch classes], `labels` [batch] with NaN where unknown; of spans, whose
    start and end are decisions of their own, [batch 2 seq] and [batch 2].
    """
    logits, labels = decisions(logits), labels.flatten()
    known = ~torch.isnan(labels)
    # Unknown rows take part with weight zero: no shape depends on the data.
    targets = torch.where(known, labels, torch.zeros_like(labels))
    if logits.shape[1] == 1:
        losses = F.mse_loss(logits[:, 0], targets.to(logits.dtype), reduction="none")
    else:
        losses = F.cross_entropy(logits, targets.long(), reduction="none")
    return (losses * known).sum() / len(labels)


class Hard(nn.Module):
    """Gold labels; `weight` is its share in the sum of losses."""

    needs: frozenset[str] = frozenset()

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, student: ModelOutput, teacher: ModelOutput | None, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        del teacher
        return hard_loss(student.part("logits"), batch.labels)


class TeacherLabels(nn.Module):
    """The teacher's decisions as labels: argmax class, or the graded output itself."""

    needs = frozenset({"logits"})

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        del batch
        logits = teacher.part("logits")
        labels = logits[:, 0] if logits.shape[1] == 1 else logits.argmax(dim=-1)
        return hard_loss(student.part("logits"), labels.float())
