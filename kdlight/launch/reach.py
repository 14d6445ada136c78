"""How many tokens the Transformers of a configuration can read; told from their shapes alone."""

import logging
from collections.abc import Mapping
from typing import Any

from kdlight.types import UserError

log = logging.getLogger("kdlight")
# Architectures with a table of positions, one row a token.
TABLED = ("albert", "bert", "camembert", "distilbert", "electra", "ernie", "mpnet", "roberta")

PADDED = 2  # rows of the table that some of them keep for padding


def check_reach(
    data: Mapping[str, Any], keys: tuple[str, ...], shape: Mapping[str, Any], who: str, remedy: str
) -> None:
    """Refuses texts that are longer than a network's table of positions.

    Other architectures are left to the stages.

    Args:
        data: the configuration's `data` node.
        keys: those of it that say how long texts are.
        shape: fields of the network's Hugging Face configuration.
        who: how the message calls the network.
        remedy: what gives it more positions.

    Raises:
        UserError: with key, reach and remedy.
    """
    most, kind = shape.get("max_position_embeddings"), shape.get("model_type")
    if kind not in TABLED or not isinstance(most, int):
        return
    most -= PADDED * (kind in ("camembert", "mpnet", "roberta"))
    for key in keys:
        if data[key] > most:
            raise UserError(
                f"data.{key}={data[key]} is more than the {most} tokens that the {who} can read: "
                f"set data.{key}={most} or less, or {remedy}."
            )


def warn_unseen(data: Mapping[str, Any]) -> None:
    """Says that texts of tasks are longer than the blocks of text that a student learns before."""
    length, block = data["max_length"], data["block_length"]
    if length > block:
        log.warning(
            "data.max_length=%d is more than data.block_length=%d: plain text does not reach the "
            "positions behind, which fine-tuning alone teaches; set data.block_length=%d, with "
            "fewer blocks a step (method.text.batch_size) where that is too much.",
            length,
            block,
            length,
        )
