"""Grades in losses: in units of half their range, so that they weigh what decisions do.

Squared errors of grades from 0 to 5 are several times as large as cross-entropies: in a network
that several tasks share, the graded one would drown the others.
"""

from dataclasses import replace

from kdlight.types import Batch, ModelOutput


def labels_in(unit: float, batch: Batch) -> Batch:
    """The batch with its labels in this unit."""
    return batch if unit == 1 else replace(batch, labels=batch.labels / unit)


def logits_in(unit: float, output: ModelOutput | None) -> ModelOutput | None:
    """The output with its logits in this unit."""
    if unit == 1 or output is None or output.logits is None:
        return output
    return replace(output, logits=output.logits / unit)
