"""Token embeddings of a student: where they start, and which of them are trained."""

import torch
from torch import Tensor, nn

# The tables of a mode, by whether they are trained (Kim 2014, arXiv 1408.5882, section 3.1).
MODES = {"static": (False,), "non-static": (True,), "multichannel": (True, False)}


class TokenEmbeddings(nn.Module):
    """A table, trained or frozen, or one of each side by side; the padding row stays zero.

    Args:
        vocabulary: number of tokens.
        pad: the padding token.
        dim: width of a table; ignored when one is given.
        mode: `static` (frozen), `non-static` (trained) or `multichannel` (a trained and a frozen
            copy, concatenated: twice as wide; Tang et al. 2019).
        table: starting values [vocabulary dim]; rows of NaN, and all where none is given, start
            from U(-0.25, 0.25).
        start: says to the planner what table the student needs: `random`, `teacher`, `vectors`.
        path: says to the planner where the vectors lie.
    """

    def __init__(
        self,
        vocabulary: int,
        pad: int,
        dim: int,
        mode: str = "non-static",
        table: Tensor | None = None,
        start: str = "random",
        path: str | None = None,
    ) -> None:
        super().__init__()
        del path
        if start != "random" and table is None:
            raise ValueError(f"embeddings that start from {start} need a table")
        self.num_embeddings, self.padding_idx = vocabulary, pad
        self.dim = dim if table is None else table.shape[1]
        tables = [nn.Embedding(vocabulary, self.dim, padding_idx=pad) for _ in MODES[mode]]
        weight = _start(table, torch.empty(vocabulary, self.dim))
        weight[pad] = 0
        for embedding, trained in zip(tables, MODES[mode], strict=True):
            embedding.weight.data.copy_(weight)
            embedding.weight.requires_grad_(trained)
        self.tables = nn.ModuleList(tables)

    @property
    def embedding_dim(self) -> int:
        """Width of an embedded token, over all tables."""
        return self.dim * len(self.tables)

    def forward(self, ids: Tensor) -> Tensor:
        """Embedded tokens: [batch seq] to [batch seq embedding_dim]."""
        parts: list[Tensor] = [table(ids) for table in self.tables]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def _start(table: Tensor | None, weight: Tensor) -> Tensor:
    """`weight` filled from `table`, at random where that says nothing."""
    if table is None:
        return weight.uniform_(-0.25, 0.25)
    missing = table.isnan()
    weight.copy_(table)
    weight[missing] = torch.empty(int(missing.sum())).uniform_(-0.25, 0.25)
    return weight
