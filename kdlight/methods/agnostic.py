"""Task-agnostic distillation: a student learns a frozen teacher's inner relations on plain text.

MITKD (Liu et al. 2023, arXiv 2301.03416): the teacher was refined on many tasks before, the student
sees none of them; MiniLMv2 (arXiv 2012.15828) is the same with a teacher that was not.
"""

from typing import Any

from torch import Tensor

from kdlight.methods.distill import Distill
from kdlight.methods.held_out import HeldOut
from kdlight.types import Batch, UserError


class Agnostic(HeldOut, Distill):
    """`Distill` on blocks of text; the networks have no heads.

    Args:
        arguments: as for `Distill`.

    Raises:
        UserError: if a loss needs the logits of a task, of which text has none.
    """

    def __init__(self, *arguments: Any, **common: Any) -> None:
        Distill.__init__(self, *arguments, **common)
        if asking := [n for n, term in self.losses.terms.items() if "logits" in term.needs]:
            raise UserError(
                f"Loss {', '.join(asking)} needs logits, but text without tasks has none: learn "
                "relations, hidden states or attentions ('loss=[relation]')."
            )
        self.watch([*self.losses.terms, "loss"])

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """The loss and its terms."""
        total, parts = self.loss(batch)
        return {**parts, "loss": total}
