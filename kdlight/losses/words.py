"""Losses over masked tokens: which word stood there, and what the teacher thinks of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.losses.over_ranks import rank_share
from kdlight.types import Batch, ModelOutput

WORDS = frozenset({"words"})


def word_loss(logits: Tensor, batch: Batch, training: bool) -> Tensor:
    """Cross-entropy of the hidden words of a batch, mean over places, [places vocabulary]."""
    assert batch.words is not None
    return F.cross_entropy(logits.float(), batch.words) * _share(batch.words, training)


def _share(words: Tensor, training: bool) -> Tensor | float:
    return rank_share(words.new_tensor(len(words)), training)


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
        return word_loss(student.part("words"), batch, self.training)


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
        assert teacher is not None
        assert batch.words is not None
        known = student.part("words").shape[1]  # a teacher's table may have rows to spare
        ours, theirs = (
            torch.log_softmax(output.part("words")[:, :known].float() / self.temperature, dim=1)
            for output in (student, teacher)
        )
        found = F.kl_div(ours, theirs, log_target=True, reduction="batchmean")
        return self.temperature**2 * found * _share(batch.words, self.training)
