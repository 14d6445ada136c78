"""The teacher as live, frozen networks."""

from collections.abc import Mapping

import torch

from kdlight.models.multitask import MultiTaskModel
from kdlight.types import LOGITS, Batch, ModelOutput, Shape


class OnlineTeacher:
    """Runs the teacher on every batch; follows the batch to its device.

    Args:
        models: the network of each task; several tasks may share one.
    """

    reads: frozenset[str]

    def __init__(self, models: Mapping[str, MultiTaskModel]) -> None:
        self.models = {task: model.eval().requires_grad_(False) for task, model in models.items()}
        every = list(self.models.values())
        self.provides: frozenset[str] = frozenset.intersection(*(m.provides for m in every))
        self.reads = frozenset().union(*(model.reads for model in every))
        self.shapes: Mapping[str, Shape] = {t: m.shape for t, m in self.models.items() if m.shape}

    def watch(self, layer: int) -> None:
        """Makes a layer, counted from 0, the one whose relations are given."""
        for model in self.models.values():
            model.encoder.relation_layer = layer

    @torch.no_grad()
    def __call__(self, batch: Batch, needs: frozenset[str] = LOGITS) -> ModelOutput:
        """The parts in `needs` of the teacher's outputs for the batch."""
        device = batch.labels.device
        model = self.models[batch.task].to(device)
        # Like the store, in full precision, whatever the student trains in.
        with torch.autocast(device.type, enabled=False):
            output: ModelOutput = model(batch, needs)
        return output
