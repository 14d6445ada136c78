"""A small Transformer as a student, whose layers or embeddings may start from its teacher's."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdlight.models.layer_init import start_layers
from kdlight.models.pretrained import PretrainedEncoder, random_model

WORDS = "words"
LAYER = re.compile(r"(.*?\blayers?\.)(\d+)(\..*)")  # `encoder.layer.3.output.dense.weight`


class TransformerEncoder(PretrainedEncoder):
    """A Hugging Face encoder of any shape, with random weights.

    Args:
        vocabulary: number of tokens.
        pad: the padding token.
        shape: fields of its Hugging Face configuration, `model_type` among them.
        pooling: as of `PretrainedEncoder`.
    """

    def __init__(self, vocabulary: int, pad: int, shape: Mapping[str, Any], pooling: str) -> None:
        super().__init__(random_model(dict(shape), vocabulary, pad, pooling), pooling)


@torch.no_grad()
def start_from(
    student: PretrainedEncoder, teacher: PretrainedEncoder, layers: str | Sequence[int]
) -> None:
    """Copies the teacher's embeddings and chosen layers into the student.

    Args:
        student: of the teacher's architecture and widths, with fewer or as many layers.
        teacher: whose weights are copied.
        layers: which of its layers (see `start_layers`).

    Raises:
        ValueError: if the student has weights that the teacher has not in this shape.
    """
    chosen = start_layers(layers, student.shape.layers, teacher.shape.layers)
    theirs, ours = teacher.model.state_dict(), student.model.state_dict()
    for name, weight in ours.items():
        found = theirs.get(_source(name, chosen))
        if found is None or not _fits(weight, found):
            what = "none" if found is None else f"{list(found.shape)}"
            raise ValueError(
                f"the student's {name} is {list(weight.shape)}, the teacher's {what}: it can only "
                "start from a teacher of the same architecture and widths"
            )
        weight.copy_(found[: len(weight)] if weight.dim() else found)


@torch.no_grad()
def start_embeddings(student: PretrainedEncoder, teacher: PretrainedEncoder) -> float:
    """Copies the teacher's embeddings; into a narrower student along their widest directions.

    Of a wider student they fill the first columns, and the others stay as they were drawn.

    Those are the first principal components of what enters the teacher's first layer, the sum of a
    word's, a position's and a segment's vector, each as likely as any other. XtremeDistil takes
    those of words alone (Mukherjee and Awadallah 2020, arXiv 2004.05686), which leave of MiniLM's
    positions 9 % of their variance. Words that are rare in a text then need not be learnt anew.

    Args:
        student: reads the teacher's tokens, or the first of them.
        teacher: of any width.

    Returns:
        The share of the variance of that sum that is kept.
    """
    ours, theirs = _tables(student), _tables(teacher)
    shared = {
        name: theirs[name].weight[: table.num_embeddings]
        for name, table in ours.items()
        # RoBERTa's positions begin behind that of its padding.
        if name == WORDS or (name in theirs and table.padding_idx == theirs[name].padding_idx)
    }
    wide, narrow = teacher.embeddings.embedding_dim, student.embeddings.embedding_dim
    basis, kept = None, 1.0
    if narrow < wide:
        spread = sum(table.double().T.cov(correction=0) for table in shared.values())
        variances, directions = torch.linalg.eigh(spread)  # from small to large
        basis, kept = directions[:, -narrow:], float(variances[-narrow:].sum() / variances.sum())
    for name, table in shared.items():
        if basis is not None:
            table = (table.double() - table.double().mean(dim=0)) @ basis
        own = ours[name]
        own.weight[: len(table), : table.shape[1]] = table.to(own.weight.dtype)
        if own.padding_idx is not None:
            own.weight[own.padding_idx] = 0.0
    return kept


def _tables(encoder: PretrainedEncoder) -> dict[str, nn.Embedding]:
    """Its tables as wide as that of its words, by their names; that one is `WORDS`."""
    width = encoder.embeddings.embedding_dim
    found = {n: m for n, m in encoder.model.named_modules() if isinstance(m, nn.Embedding)}
    rest = {n: m for n, m in found.items() if m is not encoder.embeddings}
    same = {n: m for n, m in rest.items() if m.embedding_dim == width}
    return {WORDS: encoder.embeddings, **same}


def _source(name: str, chosen: Sequence[int]) -> str:
    """The teacher's name for a weight of the student."""
    parts = LAYER.fullmatch(name)
    return f"{parts[1]}{chosen[int(parts[2])]}{parts[3]}" if parts else name


def _fits(ours: Tensor, theirs: Tensor) -> bool:
    """Alike but for more rows of the teacher's, such as spare tokens or positions."""
    return ours.shape[1:] == theirs.shape[1:] and len(ours) <= len(theirs) if ours.dim() else True
