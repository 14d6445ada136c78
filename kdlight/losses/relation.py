"""Distance of two Transformers' self-attention relations (MiniLMv2, Wang et al. 2021).

arXiv 2012.15828, eq. 3 to 6: queries among each other, keys among each other, values among each
other, after the vectors of all heads were joined and cut anew into as many heads for both.
"""

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdlight.losses.over_ranks import rank_share
from kdlight.losses.relation_shape import check_weights, relation_shape
from kdlight.types import Batch, ModelOutput, Shape

log = logging.getLogger("kdlight")
KINDS = ("query", "key", "value")
BLOCK_BYTES = 64 << 20  # of one relation of a part of the batch
CACHED_BYTES = 1 << 20  # the same on a CPU, whose cache then holds what each step hands the next


def relation_kl(student: Tensor, teacher: Tensor, mask: Tensor, heads: int) -> Tensor:
    """KL divergence of the student's relations from the teacher's, mean over heads and tokens.

    A relation is `softmax(x x^T / sqrt(width of a head))` over real tokens; rows of padding do not
    count. Computed for a few rows of the batch at a time, its gradient with it, so that memory does
    not grow with the batch.

    Shapes: `student` [batch seq hidden], `teacher` [batch seq other hidden], `mask` [batch seq].
    `heads` divides both widths.
    """
    loss: Tensor = _RelationKL.apply(student, teacher, mask, heads)
    return loss


class _RelationKL(torch.autograd.Function):
    """Holds the gradient rather than the relations it comes from."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor, mask: Tensor, heads: int) -> Tensor:
        batch, length, _ = student.shape
        most = BLOCK_BYTES if student.device.type != "cpu" else CACHED_BYTES
        size = max(1, most // (4 * heads * length * length))
        real = int(mask.sum())
        share, padded = 1.0 / (heads * real), real < mask.numel()
        total = student.new_zeros((), dtype=torch.float32)
        gradient = None
        if ctx.needs_input_grad[0]:
            gradient = torch.empty(student.shape, dtype=torch.float32, device=student.device)
        # Two networks that are nearly alike differ by less than bf16 can tell.
        with torch.autocast(student.device.type, enabled=False):
            for start in range(0, batch, size):
                rows = slice(start, start + size)
                part = None if gradient is None else gradient[rows]
                own_mask = mask[rows] if padded else None
                total += _block(student[rows], teacher[rows], own_mask, heads, part)
        if gradient is not None:
            ctx.save_for_backward(gradient.mul_(share))
        ctx.kind = student.dtype
        return total * share

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * upstream[0]).to(ctx.kind), None, None, None


def _block(
    student: Tensor, teacher: Tensor, mask: Tensor | None, heads: int, gradient: Tensor | None
) -> Tensor:
    """The sum over some rows of the batch; writes the gradient of that sum where one is wanted."""
    ours, root = _cut(student, heads)
    log_student = _log_relation(ours, mask)
    log_teacher = _log_relation(_cut(teacher, heads)[0], mask)
    of_teacher = log_teacher.exp()
    apart = log_teacher.sub_(log_student).mul_(of_teacher)
    if mask is not None:
        apart.masked_fill_(~(mask[:, None, None, :] & mask[:, None, :, None]), 0.0)
    if gradient is not None:
        slope = log_student.exp_().sub_(of_teacher)
        if mask is not None:
            slope.mul_(mask[:, None, :, None])
        # Every vector stands in its own row and in its column of the relation.
        slope = (slope + slope.transpose(2, 3)) @ ours * root
        gradient.copy_(slope.transpose(1, 2).flatten(2))
    return apart.sum()


def _cut(vectors: Tensor, heads: int) -> tuple[Tensor, float]:
    """[batch seq hidden] to [batch heads seq width], times the root of 1/sqrt(width); that root."""
    batch, length, hidden = vectors.shape
    width = hidden // heads
    root = width**-0.25
    cut = vectors.detach().float().view(batch, length, heads, width).transpose(1, 2)
    return cut * root, root


def _log_relation(vectors: Tensor, mask: Tensor | None) -> Tensor:
    scores = vectors @ vectors.transpose(2, 3)
    if mask is not None:
        scores.masked_fill_(~mask[:, None, None, :], -math.inf)
    return scores.log_softmax(dim=3)


class Relation(nn.Module):
    """Sum of `relation_kl` over queries, keys and values of one layer of each network.

    Args:
        heads: relation heads, which must divide both widths; None: 48, or where that does not
            divide them the next usual number (24 for 312, 16 for 128).
        teacher_layer: of the teacher, counted from 1; from the end if negative.
        student_layer: of the student.
        weights: of queries, keys and values.
        weight: share in the sum of losses.
    """

    needs = frozenset({"relations"})

    def __init__(
        self,
        heads: int | None = None,
        teacher_layer: int = -1,
        student_layer: int = -1,
        weights: Sequence[float] = (1.0, 1.0, 1.0),
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_weights(weights)
        self.heads, self.weight, self.weights = heads, weight, tuple(weights)
        self.teacher_layer, self.student_layer = teacher_layer, student_layer

    def bind(self, student: Shape, teacher: Shape) -> None:
        """Checks heads and layers against two networks.

        Raises:
            ValueError: if the heads do not divide both widths, or a layer is not there.
        """
        layers = (self.teacher_layer, self.student_layer)
        theirs, ours = (teacher.layers, teacher.hidden), (student.layers, student.hidden)
        found = relation_shape(self.heads, layers, theirs, ours)
        self.heads, self.teacher_layer, self.student_layer = found
        log.info("relation loss: %d heads; layer %d of the teacher, %d of the student",
                 *found)  # fmt: skip

    def forward(self, student: ModelOutput, teacher: ModelOutput, batch: Batch) -> Tensor:
        """Scalar loss of the batch."""
        assert batch.joint is not None
        ours, theirs = student.part("relations"), teacher.part("relations")
        mask = batch.joint.mask
        terms = [
            weight * relation_kl(ours[kind], theirs[kind], mask, self.heads or 1)
            for kind, weight in zip(KINDS, self.weights, strict=True)
            if weight
        ]
        return torch.stack(terms).sum() * rank_share(mask.sum(), self.training)
