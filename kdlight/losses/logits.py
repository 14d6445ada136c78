"""Losses between the logits of student and teacher."""

from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.losses.hard import decisions
from kdlight.types import Batch, ModelOutput


def logit_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over the rows of the squared distance of the logits, [batch classes] to a scalar.

    Ba & Caruana 2014, eq. 1 and Tang et al. 2019 (arXiv 1903.12136), where it is
    `||z_teacher - z_student||^2` a row: summed over classes, not averaged.
    Of spans, [batch 2 seq], the mean over starts and ends.
    """
    student, teacher = decisions(student), decisions(teacher)
    return (student - teacher).square().sum(dim=1).mean()


def soft_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 * KL(softmax(teacher / T) || softmax(student / T)), mean over rows.

    Hinton et al. 2015 (arXiv 1503.02531): T^2 keeps the size of the gradient as T grows.

    Shapes: both [batch classes], of spans [batch 2 seq] (mean over starts and ends).
    """
    student, teacher = decisions(student), decisions(teacher)
    soft_targets = F.log_softmax(teacher / temperature, dim=1)
    log_student = F.log_softmax(student / temperature, dim=1)
    divergence = F.kl_div(log_student, soft_targets, log_target=True, reduction="batchmean")
    return temperature**2 * divergence


class LogitMSE(nn.Module):
    """Squared distance of the logits; `weight` is its share in the sum of losses."""

    needs = frozenset({"logits"})

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        del batch
        return logit_mse(student.part("logits"), teacher.part("logits"))


class SoftKL(nn.Module):
    """KL of the softened distributions, with T^2; squared distance for a graded task."""

    needs = frozenset({"logits"})

    def __init__(self, temperature: float = 2.0, weight: float = 1.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature={temperature} must be positive")
        self.temperature, self.weight = temperature, weight

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        del batch
        if student.part("logits").shape[1] == 1:
            return logit_mse(student.part("logits"), teacher.part("logits"))
        return soft_kl(student.part("logits"), teacher.part("logits"), self.temperature)
