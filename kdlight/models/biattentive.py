"""A bi-attentive LSTM: the biattentive classification network of McCann et al. 2017.

(arXiv 1708.00107, section 5; as the student of MKD in Liu et al. 2019, arXiv 1911.03588.) Its
batch normalisation is left out: batches of several tasks have no common statistics. One
integrating LSTM and one pooling serve both texts, where theirs has one for each, and no ReLU layer
stands before the encoder: the embeddings are trained.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.models.dropout import FastDropout
from kdlight.models.two_way import TwoWayLSTM
from kdlight.types import Batch, Tokens


class BiattentiveEncoder(nn.Module):
    """Two texts that attend to each other; a lone text attends to itself.

    Encoder BiLSTM, bi-attention, integrating BiLSTM over `[x, x - c, x * c]` (c: what x attends
    to), pooling (max, mean, min, self-attentive), maxout layers. All is shared by both texts
    and by all tasks.

    Args:
        embeddings: from token ids to vectors; its width is `embedding_dim`.
        hidden: width of each direction of the encoder.
        integration: width of each direction of the integrating BiLSTM.
        maxout: widths of the maxout layers.
        pieces: linear pieces of a maxout unit.
        dropout: on the embedded tokens, and before each maxout layer.
    """

    reads = frozenset({"texts"})
    provides = frozenset({"logits"})

    def __init__(
        self,
        embeddings: Any,
        hidden: int,
        integration: int,
        maxout: Sequence[int],
        pieces: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.dropout = FastDropout(dropout)
        self.lstm = TwoWayLSTM(embeddings.embedding_dim, hidden)
        self.integrate = TwoWayLSTM(6 * hidden, integration)
        self.attend = nn.Linear(2 * integration, 1)
        widths = [16 * integration, *maxout]
        self.maxout = nn.Sequential(
            *(
                nn.Sequential(FastDropout(dropout), Maxout(inputs, outputs, pieces))
                for inputs, outputs in pairwise(widths)
            )
        )
        self.features = widths[-1]

    def num_features(self, pair: bool) -> int:
        """Width of what `forward` returns, the same for a text and a pair."""
        del pair
        return self.features

    def forward(self, batch: Batch) -> Tensor:
        """Features, [batch num_features]."""
        states = [self._encode(text) for text in batch.texts]
        first, second = batch.texts[0], batch.texts[-1]
        x, y = states[0], states[-1]
        scores = x @ y.transpose(1, 2)  # [batch seq_x seq_y]
        pooled = [self._pool(first, x, _attended(scores, y, second.mask))]
        if len(states) == 2:
            pooled.append(self._pool(second, y, _attended(scores.transpose(1, 2), x, first.mask)))
        features: Tensor = self.maxout(torch.cat([pooled[0], pooled[-1]], dim=1))
        return features

    def _encode(self, text: Tokens) -> Tensor:
        return self.lstm(self.dropout(self.embeddings(text.input_ids)), text.lengths)

    def _pool(self, text: Tokens, states: Tensor, context: Tensor) -> Tensor:
        """The integrated text as one vector, [batch 8*integration]."""
        joined = torch.cat([states, states - context, states * context], dim=2)
        read = self.integrate(joined, text.lengths)
        mask = text.mask[:, :, None]
        weights = self.attend(read).masked_fill(~mask, -inf).softmax(dim=1)
        return torch.cat(
            [
                read.masked_fill(~mask, -inf).amax(dim=1),
                read.masked_fill(~mask, 0).sum(dim=1) / text.lengths[:, None],
                read.masked_fill(~mask, inf).amin(dim=1),
                (weights * read).sum(dim=1),
            ],
            dim=1,
        )


class Maxout(nn.Module):
    """The largest of several linear maps, unit by unit (Goodfellow et al. 2013, arXiv 1302.4389).

    Shapes: [batch inputs] to [batch outputs].
    """

    def __init__(self, inputs: int, outputs: int, pieces: int = 2) -> None:
        super().__init__()
        self.linear, self.pieces = nn.Linear(inputs, outputs * pieces), pieces

    def forward(self, inputs: Tensor) -> Tensor:
        """The maxima of a batch."""
        pieces: Tensor = self.linear(inputs)
        return pieces.unflatten(1, (-1, self.pieces)).amax(dim=2)


def _attended(scores: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """What each token of one text attends to in the other: [batch seq width].

    `scores` [batch seq other], `values` [batch other width], `mask` [batch other].
    """
    weights = F.softmax(scores.masked_fill(~mask[:, None, :], -inf), dim=2)
    return weights @ values
