"""The sum of weighted loss terms: nothing is renormalised."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol, cast

from torch import Tensor, nn

from kdlight.types import Batch, ModelOutput, UserError

PARTS = frozenset(field.name for field in fields(ModelOutput))  # what a loss may ask for


class DistillLoss(Protocol):
    """One term: what it needs of both networks, its weight, and a scalar for a batch."""

    needs: frozenset[str]
    weight: float
    # A loss may have more: `of_teacher`, what it needs of the teacher if not the same;
    # `bind(student, teacher)`, called once with both shapes by one over layers; `progress`, set
    # before every step to the share that is done for one that changes over time.

    def __call__(self, student: ModelOutput, teacher: ModelOutput | None, batch: Batch) -> Tensor:
        """Scalar loss of the batch, unweighted."""
        ...


def of_teacher(term: DistillLoss) -> frozenset[str]:
    """What a loss needs of the teacher."""
    return getattr(term, "of_teacher", term.needs)


class WeightedSum(nn.Module):
    """`sum(weight * term)` over named terms.

    Raises:
        UserError: if there is no term, a weight is negative, or a loss needs what there is not.
    """

    def __init__(self, terms: Mapping[str, DistillLoss]) -> None:
        super().__init__()
        if not terms:
            raise UserError("No loss is chosen: add for instance 'loss=[logit_mse]'.")
        for name, term in terms.items():
            if term.weight < 0:
                raise UserError(f"loss.{name}.weight={term.weight} must not be negative.")
            for needed in (term.needs, of_teacher(term)):
                if not isinstance(needed, frozenset) or needed - PARTS:
                    raise UserError(
                        f"Loss {name} has needs={needed!r}: it must be a frozenset with some of "
                        f"{', '.join(sorted(PARTS))}."
                    )
        # The losses are modules, so that one that learns a projection is trained and saved.
        self.terms: Any = nn.ModuleDict(cast(Mapping[str, nn.Module], terms))
        self.needs: frozenset[str] = frozenset().union(*(term.needs for term in terms.values()))
        self.of_teacher: frozenset[str] = frozenset().union(*map(of_teacher, terms.values()))

    def at(self, progress: float) -> None:
        """Tells terms that change over time which share of the training is done, from 0 to 1."""
        for term in self.terms.values():
            if hasattr(term, "progress"):
                term.progress = progress

    def forward(
        self, student: ModelOutput, teacher: ModelOutput | None, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each unweighted term for the log."""
        parts = {name: term(student, teacher, batch) for name, term in self.terms.items()}
        total = sum(self.terms[name].weight * value for name, value in parts.items())
        return total, {name: value.detach() for name, value in parts.items()}
