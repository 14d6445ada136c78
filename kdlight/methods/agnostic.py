"""Task-agnostic distillation: a student learns a frozen teacher's inner relations on plain text.

MITKD (Liu et al. 2023, arXiv 2301.03416): the teacher was refined on many tasks before, the student
sees none of them; MiniLMv2 (arXiv 2012.15828) is the same with a teacher that was not.
"""

from typing import Any

from torch import nn
from torchmetrics import MeanMetric

from kdlight.methods.distill import Distill
from kdlight.types import Batch, UserError


class Agnostic(Distill):
    """`Distill` on blocks of text, judged by its own losses on text that is held out.

    Args:
        arguments: as for `Distill`; the networks have no heads.

    Raises:
        UserError: if a loss needs logits, of which there are none.
    """

    def __init__(self, *arguments: Any, **common: Any) -> None:
        super().__init__(*arguments, **common)
        if asking := [n for n, term in self.losses.terms.items() if "logits" in term.needs]:
            raise UserError(
                f"Loss {', '.join(asking)} needs logits, but text without tasks has none: learn "
                "relations, hidden states or attentions ('loss=[relation]')."
            )
        self.held_out: Any = nn.ModuleDict({name: MeanMetric() for name in self.losses.terms})
        self.held_out["loss"] = MeanMetric()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Adds up the loss and its terms."""
        del batch_idx, dataloader_idx
        total, parts = self.loss(batch)
        for name, value in {**parts, "loss": total}.items():
            self.held_out[name].update(value, weight=len(batch))

    def on_validation_epoch_end(self) -> None:
        """Logs `val/text/<term>`; `val/macro`, which chooses a checkpoint, is minus the loss."""
        found = {name: metric.compute() for name, metric in self.held_out.items()}
        for metric in self.held_out.values():
            metric.reset()
        self.log_dict({f"val/text/{name}": value for name, value in found.items()})
        self.log("val/macro", -found["loss"])
