"""The outputs of a network for all rows of a split."""

import torch

from kdlight.data.encoded import EncodedRows
from kdlight.data.loader import EvalLoader
from kdlight.models.multitask import MultiTaskModel

BATCH = 64


@torch.inference_mode()
def predict(model: MultiTaskModel, rows: EncodedRows, device: str = "cpu") -> torch.Tensor:
    """Logits of all rows in their order, [rows classes], on the processor."""
    outputs: list[torch.Tensor | None] = [None] * len(rows)
    for batch in EvalLoader(rows, BATCH, model.reads):
        logits = model(batch.to(device)).part("logits").float().cpu()
        for row, output in zip(batch.rows.tolist(), logits, strict=True):
            outputs[row] = output
    return torch.stack([output for output in outputs if output is not None])
