"""Teacher annealing: from the teacher's answers to the gold labels as training goes on."""

from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.losses.hard import decisions
from kdlight.types import Batch, ModelOutput


def annealed(student: Tensor, teacher: Tensor, labels: Tensor, gold: float) -> Tensor:
    """Cross-entropy (one output: squared error) against `gold * label + (1 - gold) * teacher`.

    BAM: Clark et al. 2019, arXiv 1907.04829, section 3.2. Rows without a label keep the teacher.

    Shapes: logits [batch classes], `labels` [batch] with NaN where unknown; mean over rows.
    Of spans, whose start and end are decisions of their own, [batch 2 seq] and [batch 2].
    """
    student, teacher, labels = decisions(student), decisions(teacher), labels.flatten()
    known = ~labels.isnan()
    truth = labels.where(known, labels.new_zeros(()))
    share = (gold * known.to(student.dtype))[:, None]
    if student.shape[1] == 1:
        target = share * truth[:, None].to(student.dtype) + (1 - share) * teacher
        return (student - target).square().mean()
    one_hot = F.one_hot(truth.long(), student.shape[1]).to(student.dtype)
    target = share * one_hot + (1 - share) * teacher.softmax(dim=1)
    return F.cross_entropy(student, target)


class Annealed(nn.Module):
    """The teacher at the first step, gold labels at the last, a straight line between.

    `progress`, from 0 to 1, is set by the method before every step.
    """

    needs = frozenset({"logits"})

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.progress = 0.0

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        logits, theirs = student.part("logits"), teacher.part("logits")
        return annealed(logits, theirs, batch.labels, self.progress)
