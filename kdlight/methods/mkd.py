"""Multi-task distillation: one student learns from the teacher of every task (MKD).

Liu et al. 2019, arXiv 1911.03588, and Liu 2020, part 2: the batches of all tasks are mixed, each
holds rows of one task, and the student's head of that task is to give the teacher's logits.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.distill import Distill
from kdlight.types import Batch, TeacherSource, UserError


class MKD(Distill):
    """`Distill` on mixed batches, with a weight a task.

    Args:
        losses, teacher, common: as for `Distill`.
        task_weights: factor on the loss of a task; 1 for a task that is not named.

    Raises:
        UserError: if a weight is negative or belongs to no task.
    """

    def __init__(
        self,
        losses: WeightedSum,
        teacher: TeacherSource,
        task_weights: Mapping[str, float] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(losses, teacher, **common)
        self.task_weights = dict(task_weights or {})
        for task, weight in self.task_weights.items():
            if task not in self.model.outputs or weight < 0:
                raise UserError(
                    f"method.module.task_weights.{task}={weight}: expected a task of this student "
                    f"({', '.join(self.model.outputs)}) and a weight that is not negative."
                )

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of the terms for the batch, times the weight of its task."""
        total, parts = super().loss(batch)
        return self.task_weights.get(batch.task, 1.0) * total, parts
