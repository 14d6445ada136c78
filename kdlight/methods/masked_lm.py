"""Learning from plain text alone: masked tokens are to be filled in (BERT, Devlin et al. 2019)."""

from typing import Any

from torch import Tensor

from kdlight.data.masking import Masking
from kdlight.losses.words import word_loss
from kdlight.methods.base import TaskModule
from kdlight.methods.on_text import OnText
from kdlight.models.masked_lm import MaskedLMModel
from kdlight.types import Batch


class MaskedLM(OnText, TaskModule):
    """A share of the tokens is hidden; the network says which they are.

    Args:
        model: an encoder and its head over words.
        masking: which tokens are hidden.
        common: further arguments as for `TaskModule`.
    """

    def __init__(self, model: MaskedLMModel, masking: Masking, **common: Any) -> None:
        TaskModule.__init__(self, model=model, **common)
        self.watch(["loss", "accuracy"], masking)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy over the hidden tokens."""
        found = self._judged(self.hidden(batch))["loss"]
        return found, {"words": found.detach()}

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """The loss, and the percentage of tokens that are filled in right."""
        return self._judged(self.hidden(batch))

    def _judged(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.model(batch, frozenset({"words"})).part("words")
        right = (logits.detach().argmax(dim=1) == batch.words).float().mean()
        return {"loss": word_loss(logits, batch, self.training), "accuracy": 100 * right}
