"""Hides tokens of a text that a network is to fill in (BERT, Devlin et al. 2019)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Generator

from kdlight.data.encode import load_tokenizer
from kdlight.types import Batch, UserError

HIDDEN, REPLACED = 0.8, 0.1  # of the chosen places; the rest keep their token


@dataclass(frozen=True)
class Masking:
    """How tokens are hidden.

    Of the chosen ones 80 % become the mask token, 10 % another token, 10 % stay as they are.

    Attributes:
        mask: the mask token.
        special: tokens that are never chosen.
        vocabulary: number of tokens.
        share: of the tokens that is chosen.
    """

    mask: int
    special: Sequence[int]
    vocabulary: int
    share: float = 0.15

    def __call__(self, batch: Batch, draw: Generator) -> Batch:
        """The batch with tokens of its joined text hidden, and where, as `places`."""
        text = batch.joint
        assert text is not None
        ids = text.input_ids.cpu()
        chance, how = (torch.rand(ids.shape, generator=draw) for _ in range(2))
        others = torch.randint(0, self.vocabulary, ids.shape, generator=draw)
        fixed = ~text.mask.cpu() | torch.isin(ids, torch.tensor(self.special))
        chance = chance.masked_fill(fixed, 1.0)
        places = chance < self.share
        if not places.any():  # so that there is something to learn
            places.view(-1)[chance.argmin()] = True
        hidden = torch.where(how < HIDDEN + REPLACED, others, ids)
        hidden = torch.where(how < HIDDEN, self.mask, hidden)
        device = text.input_ids.device
        written = replace(text, input_ids=torch.where(places, hidden, ids).to(device))
        places = places.to(device)
        return replace(batch, joint=written, places=places, words=text.input_ids[places])


def read_masking(tokenizer: Path, share: float) -> Masking:
    """What a tokenizer's folder says of its marks.

    Raises:
        UserError: if it has no mask token.
    """
    about = json.loads((tokenizer / "special.json").read_text())
    made = load_tokenizer(tokenizer)
    mask = made.token_to_id(about["mask"] or "")
    if mask is None:
        raise UserError("The tokenizer has no mask token, so that no token can be hidden.")
    added = made.get_added_tokens_decoder().items()
    special = sorted(number for number, token in added if token.special)
    return Masking(mask, special, about["size"], share)
