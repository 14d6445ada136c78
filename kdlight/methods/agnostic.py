"""Task-agnostic distillation: a student learns a frozen teacher's inner relations on plain text.

MITKD (Liu et al. 2023, arXiv 2301.03416): the teacher was refined on many tasks before, the student
sees none of them; MiniLMv2 (arXiv 2012.15828) is the same with a teacher that was not.
"""

from typing import Any

from torch import Tensor

from kdlight.data.masking import Masking
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.distill import Distill
from kdlight.methods.on_text import OnText
from kdlight.types import Batch, TeacherSource, UserError


class Agnostic(OnText, Distill):
    """`Distill` on blocks of text; the networks have no heads for tasks.

    Args:
        losses, teacher, common: as for `Distill`.
        masking: which tokens are hidden from both networks, where a loss is about words.

    Raises:
        UserError: if a loss needs the logits of a task, of which text has none.
    """

    def __init__(
        self, losses: WeightedSum, teacher: TeacherSource, masking: Masking | None, **common: Any
    ) -> None:
        Distill.__init__(self, losses, teacher, **common)
        if asking := [n for n, term in self.losses.terms.items() if "logits" in term.needs]:
            raise UserError(
                f"Loss {', '.join(asking)} needs logits, but text without tasks has none: learn "
                "relations, layers or words ('loss=[relation]', 'loss=[hidden,word_kl]')."
            )
        self.watch([*self.losses.terms, "loss"], masking)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of the terms for the batch."""
        return super().loss(self.hidden(batch))

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """The loss and its terms."""
        total, parts = self.loss(batch)
        return {**parts, "loss": total}
