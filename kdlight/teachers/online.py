"""The teacher as a live, frozen network."""

import torch

from kdlight.models.multitask import MultiTaskModel
from kdlight.types import Batch, ModelOutput


class OnlineTeacher:
    """Runs the teacher on every batch; follows the batch to its device."""

    def __init__(self, model: MultiTaskModel) -> None:
        self.model = model.eval().requires_grad_(False)
        self.provides: frozenset[str] = model.provides
        self.reads: frozenset[str] = model.reads

    @torch.no_grad()
    def __call__(self, batch: Batch) -> ModelOutput:
        """The teacher's outputs for the batch."""
        device = batch.labels.device
        self.model.to(device)
        # Like the store, in full precision, whatever the student trains in.
        with torch.autocast(device.type, enabled=False):
            output: ModelOutput = self.model(batch)
        return output
