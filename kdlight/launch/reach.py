"""How many tokens the Transformers of a configuration can read; told from their shapes alone."""

from collections.abc import Mapping
from typing import Any

from kdlight.types import UserError

# Architectures with a table of positions, one row a token.
TABLED = ("albert", "bert", "camembert", "distilbert", "electra", "ernie", "mpnet", "roberta")


def check_reach(
    data: Mapping[str, Any], keys: tuple[str, ...], shape: Mapping[str, Any], who: str, remedy: str
) -> None:
    """Refuses texts that are longer than a network's table of positions.

    Other architectures, and rows of the table that are kept for padding, are left to the stages.

    Args:
        data: the configuration's `data` node.
        keys: those of it that say how long texts are.
        shape: fields of the network's Hugging Face configuration.
        who: how the message calls the network.
        remedy: what gives it more positions.

    Raises:
        UserError: with key, reach and remedy.
    """
    most = shape.get("max_position_embeddings")
    if shape.get("model_type") not in TABLED or not isinstance(most, int):
        return
    for key in keys:
        if data[key] > most:
            raise UserError(
                f"data.{key}={data[key]} is more than the {most} tokens that the {who} can read: "
                f"set data.{key}={most} or less, or {remedy}."
            )
