"""A start for an encoder that is trained from nothing (Trockman and Kolter 2023, arXiv 2305.09828).

With random weights an encoder first learns how often each token comes, and takes thousands of
updates to find that the neighbours of a hidden one tell more. Here attention starts as training
leaves it: by likeness, so that with waves as positions (Vaswani et al. 2017) a token looks around.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from kdlight.models.attention import layers, outputs, projections
from kdlight.types import UserError

ALIKE, CHANCE = 0.7, 0.7  # of queries with keys: parts of the identity, and of normal noise
PASSED, NOISE = 0.4, 0.4  # of values with the output: the same, the identity taken off
WIDTH = 2.0  # of positions, in that of the tokens' embeddings


def start_mimetic(model: Any, embedding_std: float) -> None:
    """Sets positions, and the four maps of each layer's attention.

    Per head `W_q^T W_k` is the best approximation of its rank of `0.7 Z + 0.7 I`, per layer
    `W_o W_v = 0.4 Z - 0.4 I` (Z normal, of variance 1 / hidden; §4 of the paper).

    Args:
        model: a Hugging Face encoder.
        embedding_std: of its tokens' embeddings.

    Raises:
        UserError: if it has no table of positions, or its attention is of another kind.
    """
    table = positions(model)
    if table is None:
        raise UserError(
            f"teacher.pretrain.start=mimetic is for encoders with a table of positions, which a "
            f"{type(model).__name__} has not: set teacher.pretrain.start=random."
        )
    with torch.no_grad():
        first = 0 if table.padding_idx is None else table.padding_idx + 1
        waves = sines(table.num_embeddings - first, table.embedding_dim)
        table.weight[first:] = WIDTH * embedding_std * math.sqrt(2) * waves
        for layer in range(len(layers(model))):
            _start_layer(projections(model, layer), outputs(model, layer), model)


def positions(model: nn.Module) -> nn.Embedding | None:
    """The table of an encoder's positions, if it has one."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return module
    return None


def sines(length: int, width: int) -> Tensor:
    """Waves of growing length, [length width]; sine and cosine in turn (Vaswani et al. 2017)."""
    steps = torch.arange(width)
    angles = torch.arange(length)[:, None] / 10_000 ** (2 * (steps // 2) / width)
    return torch.where(steps % 2 == 0, angles.sin(), angles.cos())


def _start_layer(parts: Any, output: nn.Linear, model: Any) -> None:
    query, key, value = (parts[kind].weight for kind in ("query", "key", "value"))
    hidden, size = query.shape[1], query.shape[0] // model.config.num_attention_heads
    for start in range(0, query.shape[0], size):
        left, right = _factors(CHANCE, ALIKE, hidden, size)
        query[start : start + size], key[start : start + size] = left.T, right
    left, right = _factors(NOISE, -PASSED, hidden, value.shape[0])
    output.weight.copy_(left)
    value.copy_(right)


def _factors(noise: float, identity: float, hidden: int, rank: int) -> tuple[Tensor, Tensor]:
    """Two factors, [hidden rank] and [rank hidden], of noise and a part of the identity."""
    drawn = noise * torch.randn(hidden, hidden) / math.sqrt(hidden)
    left, sizes, right = torch.linalg.svd(drawn + identity * torch.eye(hidden))
    root = sizes[:rank].sqrt()
    return left[:, :rank] * root, root[:, None] * right[:rank]
