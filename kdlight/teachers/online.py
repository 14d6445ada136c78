"""The teacher as live, frozen networks."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from kdlight.models.multitask import MultiTaskModel
from kdlight.types import LOGITS, Batch, ModelOutput, Shape

PRECISIONS = {"32-true": torch.float32, "bf16-true": torch.bfloat16}


class OnlineTeacher:
    """Runs the teacher on every batch; follows the batch to its device.

    Args:
        models: the network of each task; several tasks may share one.
        precision: of its weights, a key of `PRECISIONS`; what it gives is in full precision.
    """

    reads: frozenset[str]

    def __init__(self, models: Mapping[str, MultiTaskModel], precision: str = "32-true") -> None:
        kind = PRECISIONS[precision]
        self.models = {t: m.to(kind).eval().requires_grad_(False) for t, m in models.items()}
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
        # Like the store, in a precision of its own, whatever the student trains in.
        with torch.autocast(device.type, enabled=False):
            output: ModelOutput = model(batch, needs)
        return ModelOutput(**{f.name: _full(getattr(output, f.name)) for f in fields(output)})


def _full(part: Any) -> Any:
    """A part of an output in full precision."""
    if isinstance(part, Tensor):
        return part.float()
    if isinstance(part, Mapping):
        return {name: _full(value) for name, value in part.items()}
    return part and tuple(map(_full, part))
