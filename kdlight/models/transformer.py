"""A small Transformer as a student, whose layers may start from chosen ones of its teacher."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kdlight.models.layer_init import start_layers
from kdlight.models.pretrained import PretrainedEncoder, random_model

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


def _source(name: str, chosen: Sequence[int]) -> str:
    """The teacher's name for a weight of the student."""
    parts = LAYER.fullmatch(name)
    return f"{parts[1]}{chosen[int(parts[2])]}{parts[3]}" if parts else name


def _fits(ours: Tensor, theirs: Tensor) -> bool:
    """Alike but for more rows of the teacher's, such as spare tokens or positions."""
    return ours.shape[1:] == theirs.shape[1:] and len(ours) <= len(theirs) if ours.dim() else True
