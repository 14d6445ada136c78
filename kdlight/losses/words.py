"""Losses over masked tokens: which word stood there, and what the teacher thinks of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.types import Batch, ModelOutput

WORDS = frozenset({"words"})


class MaskedWords(nn.Module):
    """Cross-entropy of the words that were hidden (BERT's own loss); the teacher plays no part.

    Args:
        weight: share in the sum of losses.
    """

    needs = WORDS
    of_teacher: frozenset[str] = frozenset()

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, student: ModelOutput, teacher: ModelOutput | None, batch: Batch) -> Tensor:
        """Scalar loss of the batch, mean over places."""
        del teacher
        assert batch.words is not None
        return F.cross_entropy(student.part("words").float(), batch.words)


class WordDistribution(nn.Module):
    """KL divergence from the teacher's distribution over words, times T² (DistilBERT's loss).

    Args:
        temperature: T, which softens both.
        weight: share in the sum of losses.
    """

    needs = WORDS

    def __init__(self, temperature: float = 2.0, weight: float = 1.0) -> None:
        super().__init__()
        self.temperature, self.weight = temperature, weight

    def forward(self, student: ModelOutput, teacher: ModelOutput | None, batch: Batch) -> Tensor:
        """Scalar loss of the batch, mean over places."""
        del batch
        assert teacher is not None
        ours, theirs = (
            torch.log_softmax(output.part("words").float() / self.temperature, dim=1)
            for output in (student, teacher)
        )
        found = F.kl_div(ours, theirs, log_target=True, reduction="batchmean")
        return self.temperature**2 * found
