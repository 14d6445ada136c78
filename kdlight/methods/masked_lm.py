"""Learning from plain text alone: masked tokens are to be filled in (BERT, Devlin et al. 2019)."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlight.methods.base import TaskModule
from kdlight.methods.held_out import HeldOut
from kdlight.models.masked_lm import MaskedLMModel
from kdlight.types import Batch, Tokens

HIDDEN, REPLACED = 0.8, 0.1  # of the chosen places; the rest keep their token


class MaskedLM(HeldOut, TaskModule):
    """A share of the tokens is chosen; the network says which they are.

    Of the chosen ones 80 % are hidden behind the mask token, 10 % replaced by another token and
    10 % left as they are, as in BERT. The choice is drawn anew in every step, and on held-out text
    always the same.

    Args:
        model: an encoder and its head over words.
        mask: the mask token.
        special: tokens that are never chosen.
        share: of the tokens that is chosen.
        common: further arguments as for `TaskModule`.
    """

    def __init__(
        self, model: MaskedLMModel, mask: int, special: list[int], share: float, **common: Any
    ) -> None:
        TaskModule.__init__(self, model=model, **common)
        self.mask, self.special, self.share = mask, torch.tensor(special), share
        self.watch(["loss", "accuracy"])
        self._draw = torch.Generator()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seeds dropout and the choice of tokens."""
        super().on_train_batch_start(batch, batch_idx)
        self._draw.manual_seed((self.seed * 1_000_003 + batch_idx) * 64 + self.global_rank)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy over the chosen tokens."""
        logits, truth = self._filled(batch)
        found = F.cross_entropy(logits.float(), truth)
        return found, {"mlm": found.detach()}

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """The loss, and the percentage of tokens that are filled in right."""
        self._draw.manual_seed(int(batch.rows[0]))
        logits, truth = self._filled(batch)
        right = (logits.argmax(dim=1) == truth).float().mean()
        return {"loss": F.cross_entropy(logits.float(), truth), "accuracy": 100 * right}

    def _filled(self, batch: Batch) -> tuple[Tensor, Tensor]:
        assert batch.joint is not None
        ids, places = self.masked(batch.joint)
        hidden = Tokens(ids, batch.joint.lengths, batch.joint.token_type_ids)
        model: Any = self.model
        text = Batch(batch.task, batch.rows, batch.ids, batch.labels, (), hidden)
        return model.logits(text, places), batch.joint.input_ids[places]

    def masked(self, text: Tokens) -> tuple[Tensor, Tensor]:
        """The text with tokens hidden, [batch seq], and the mask of the places to fill."""
        ids = text.input_ids.cpu()
        chance, how = (torch.rand(ids.shape, generator=self._draw) for _ in range(2))
        vocabulary = self.model.encoder.embeddings.num_embeddings
        others = torch.randint(0, vocabulary, ids.shape, generator=self._draw)
        open_places = text.mask.cpu() & ~torch.isin(ids, self.special)
        chance = chance.masked_fill(~open_places, 1.0)
        places = chance < self.share
        places[0, chance[0].argmin()] |= not places.any()  # so that there is something to learn
        hidden = torch.where(
            how < HIDDEN, self.mask, torch.where(how < HIDDEN + REPLACED, others, ids)
        )
        found = torch.where(places, hidden, ids)
        return found.to(text.input_ids.device), places.to(text.input_ids.device)
