"""Several teachers of the same tasks as one, whose outputs are averaged."""

from collections.abc import Sequence
from statistics import fmean
from typing import cast

import torch

from kdlight.models.multitask import MultiTaskModel
from kdlight.types import LOGITS, Batch, ModelOutput


class Ensemble(MultiTaskModel):
    """The mean of the members' logits (of their probabilities in MT-DNN-KD, arXiv 1904.09482).

    Args:
        members: networks with the same tasks and the same way of reading.
    """

    provides = LOGITS
    shape = None

    def __init__(self, members: Sequence[MultiTaskModel]) -> None:
        first = members[0]
        super().__init__(first.encoder, lambda *_: torch.nn.Identity(), first.outputs)
        self.members = torch.nn.ModuleList(members)

    def null_threshold(self, task: str) -> float:
        """The mean of the members', as their logits are averaged too."""
        return fmean(cast(MultiTaskModel, m).null_threshold(task) for m in self.members)

    def forward(self, batch: Batch, needs: frozenset[str] = LOGITS) -> ModelOutput:
        """The averaged logits for the one task of the batch."""
        logits = [member(batch, needs).part("logits") for member in self.members]
        return ModelOutput(logits=torch.stack(logits).mean(dim=0))
