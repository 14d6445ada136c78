"""The one-layer BiLSTM of Tang et al. 2019 (arXiv 1903.12136); siamese for pairs."""

from typing import Any

import torch
from torch import Tensor, nn

from kdlight.models.dropout import FastDropout
from kdlight.models.two_way import TwoWayLSTM
from kdlight.types import Batch, Tokens


class BiLSTMEncoder(nn.Module):
    """Last forward and backward states of a text; `[u, v, |u - v|, u * v]` for a pair.

    Args:
        embeddings: from token ids to vectors; its width is `embedding_dim`.
        hidden: width of each direction.
        dropout: on the embedded tokens.
    """

    reads = frozenset({"texts"})
    provides = frozenset({"logits"})

    def __init__(self, embeddings: Any, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.dropout = FastDropout(dropout)
        self.lstm = TwoWayLSTM(embeddings.embedding_dim, hidden)
        self.hidden = hidden

    def num_features(self, pair: bool) -> int:
        """Width of what `forward` returns."""
        return (8 if pair else 2) * self.hidden

    def forward(self, batch: Batch) -> Tensor:
        """Features, [batch num_features]."""
        texts = [self.encode(text) for text in batch.texts]
        if len(texts) == 1:
            return texts[0]
        u, v = texts
        return torch.cat([u, v, (u - v).abs(), u * v], dim=1)

    def encode(self, text: Tokens) -> Tensor:
        """The last state of each direction, [batch 2*hidden]."""
        return self.lstm.last(self.dropout(self.embeddings(text.input_ids)), text.lengths)
