"""Losses between inner layers of two Transformers: hidden states, attention, PKD.

Each is a mean over the pairs of its layer map; padding never counts.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.losses.layer_map import LayerMap, layer_pairs, patient_pairs
from kdlight.losses.over_ranks import rank_share
from kdlight.types import Batch, ModelOutput, Shape


def hidden_mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference over real tokens and units.

    TinyBERT, arXiv 1909.10351, eq. 8. Shapes: both [batch seq hidden], `mask` [batch seq].
    """
    apart = (student - teacher).square().mean(dim=2)
    return (apart * mask).sum() / mask.sum()


def attention_mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Squared difference of the attention of a real token, summed over what it attends to.

    Probabilities, not scores before the softmax as in TinyBERT (eq. 7); mean over heads and real
    tokens. Different numbers of heads are compared by their means.

    Shapes: both [batch heads seq seq], `mask` [batch seq].
    """
    if student.shape[1] != teacher.shape[1]:
        student, teacher = student.mean(dim=1, keepdim=True), teacher.mean(dim=1, keepdim=True)
    both = mask[:, None, :, None] & mask[:, None, None, :]
    apart = ((student - teacher) * both).square().sum(dim=3)
    return apart.mean(dim=1).sum() / mask.sum()


def patient(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance of the normalised states of the first token, mean over rows.

    PKD: Sun et al. 2019, arXiv 1908.09355, eq. 7. Shapes: both [batch seq hidden].
    """
    first, second = F.normalize(student[:, 0], dim=1), F.normalize(teacher[:, 0], dim=1)
    return (first - second).square().sum(dim=1).mean()


class LayerLoss(nn.Module):
    """What losses over pairs of layers share.

    Args:
        layers: see `layer_pairs`.
        weight: share in the sum of losses.
    """

    needs: frozenset[str]
    projects = False  # whether states of unlike width are brought to the teacher's
    rule = staticmethod(layer_pairs)

    def __init__(self, layers: LayerMap = "uniform", weight: float = 1.0) -> None:
        super().__init__()
        self.layers, self.weight = layers, weight
        self.pairs: list[tuple[int, int]] = []
        self.projection: nn.Module = nn.Identity()

    def bind(self, student: Shape, teacher: Shape) -> None:
        """Settles the layer map for two networks, and makes the projection where one is needed.

        Raises:
            ValueError: if the map does not fit them.
        """
        self.pairs = self._chosen(self.rule(self.layers, student.layers, teacher.layers))
        if self.projects and student.hidden != teacher.hidden:
            self.projection = nn.Linear(student.hidden, teacher.hidden)

    def _chosen(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return pairs


class HiddenMSE(LayerLoss):
    """Hidden states layer by layer; a learned projection where the widths differ."""

    needs = frozenset({"hidden_states"})
    projects = True

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        ours, theirs, mask = (
            student.part("hidden_states"),
            teacher.part("hidden_states"),
            _mask(batch),
        )
        terms = [hidden_mse(self.projection(ours[i]), theirs[j], mask) for i, j in self.pairs]
        return torch.stack(terms).mean() * rank_share(mask.sum(), self.training)


class AttentionMSE(LayerLoss):
    """Attention probabilities layer by layer."""

    needs = frozenset({"attentions"})

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        ours, theirs, mask = student.part("attentions"), teacher.part("attentions"), _mask(batch)
        terms = [attention_mse(ours[i - 1], theirs[j - 1], mask) for i, j in self.pairs]
        return torch.stack(terms).mean() * rank_share(mask.sum(), self.training)

    def _chosen(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if any(0 in pair for pair in pairs):
            raise ValueError("layers: the embeddings (0) have no attention")
        return pairs


class PKD(LayerLoss):
    """First-token states of all layers but the student's last; projected where widths differ."""

    needs = frozenset({"hidden_states"})
    projects = True
    rule = staticmethod(patient_pairs)

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        del batch
        ours, theirs = student.part("hidden_states"), teacher.part("hidden_states")
        terms = [patient(self.projection(ours[i]), theirs[j]) for i, j in self.pairs]
        return torch.stack(terms).mean()


def _mask(batch: Batch) -> Any:
    assert batch.joint is not None
    return batch.joint.mask
