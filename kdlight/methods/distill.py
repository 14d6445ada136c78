"""Learning from a teacher: one task a batch, a weighted sum of losses (Tang et al. 2019)."""

from typing import Any

from torch import Tensor

from kdlight.losses.weighted_sum import DistillLoss, WeightedSum, of_teacher
from kdlight.methods.base import TaskModule
from kdlight.methods.grades import labels_in, logits_in
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import LOGITS, Batch, TeacherSource, UserError, settings_of


class Distill(TaskModule):
    """A student that sees, for every row, what the teacher says of it.

    Args:
        losses: the terms and their weights.
        teacher: live or stored outputs; not part of the module, so never in a checkpoint.
        common: `model`, the student, and further arguments as for `TaskModule`.

    Raises:
        UserError: before the first step, if a loss needs what teacher or student cannot give.
    """

    def __init__(self, losses: WeightedSum, teacher: TeacherSource, **common: Any) -> None:
        super().__init__(**common)
        self.losses, self._teacher = losses, teacher
        for name, term in losses.terms.items():
            _check_needs(name, term, teacher, self.model)
        _bind(losses, teacher, self.model)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Tells the losses that change over time how far training is."""
        super().on_train_batch_start(batch, batch_idx)
        self.losses.at(batch_idx / max(1, self.total_steps - 1))

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of the terms for the batch."""
        losses, asked = self.losses, self.losses.of_teacher
        theirs = self._teacher(batch, asked) if asked else None
        ours, unit = self.model(batch, losses.needs), self.model.unit(batch.task)
        return losses(logits_in(unit, ours), logits_in(unit, theirs), labels_in(unit, batch))

    def logits(self, batch: Batch) -> list[Tensor]:
        """Those of student and teacher."""
        return [*super().logits(batch), self._teacher(batch, LOGITS).part("logits")]


def _bind(losses: WeightedSum, teacher: TeacherSource, student: MultiTaskModel) -> None:
    """Settles the layer maps of losses that have one."""
    shapes = set(teacher.shapes.values())
    for name, term in losses.terms.items():
        if not hasattr(term, "bind"):
            continue
        if student.shape is None or len(shapes) != 1:
            raise UserError(
                f"Loss {name} compares layers: it needs a Transformer as student and teachers of "
                "one shape."
            )
        with settings_of(f"loss.{name}"):
            term.bind(student.shape, next(iter(shapes)))
        if "relations" in term.needs:
            student.encoder.relation_layer = term.student_layer - 1
            teacher.watch(term.teacher_layer - 1)


def _check_needs(
    name: str, term: DistillLoss, teacher: TeacherSource, student: MultiTaskModel
) -> None:
    if missing := of_teacher(term) - teacher.provides:
        live = teacher.provides > {"logits"}
        remedy = "take a teacher that does" if live else "set teacher.source=live if it does"
        raise UserError(
            f"Loss {name} needs {', '.join(sorted(missing))} of the teacher, but "
            f"{type(teacher).__name__} gives only {', '.join(sorted(teacher.provides))}: "
            f"{remedy}, or leave the loss out."
        )
    if missing := term.needs - student.provides:
        raise UserError(
            f"Loss {name} needs {', '.join(sorted(missing))} of the student, which it cannot "
            "give: choose another student, or leave the loss out."
        )
