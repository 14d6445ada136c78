"""An encoder that fills masked tokens in (BERT, Devlin et al. 2019)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import PretrainedEncoder
from kdlight.types import Batch


class MaskedLMHead(nn.Module):
    """From states to words: one layer, then the table of the encoder's own words.

    Shapes: [tokens hidden] to [tokens vocabulary].
    """

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(hidden, hidden), nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, states: Tensor, table: Tensor) -> Tensor:
        """Logits over the words of `table`, [vocabulary hidden]."""
        return F.linear(self.norm(F.gelu(self.dense(states))), table, self.bias)


class MaskedLMModel(MultiTaskModel):
    """An encoder without tasks, and a head that says which word stood at a place."""

    def __init__(self, encoder: PretrainedEncoder) -> None:
        super().__init__(encoder, lambda *_: nn.Identity(), {})
        table: Any = encoder.embeddings.weight
        self.words = MaskedLMHead(table.shape[1], table.shape[0])

    def logits(self, batch: Batch, places: Tensor) -> Tensor:
        """Logits at some places, [places vocabulary]; `places` is a mask, [batch seq]."""
        states: Tensor = self.encoder.states(batch)
        return self.words(states[places], self.encoder.embeddings.weight)
