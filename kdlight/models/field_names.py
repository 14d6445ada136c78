"""What architectures call the sizes that all of them have. Imports nothing heavy."""

from collections.abc import Mapping
from typing import Any

DISTILBERT = {
    "dim": "hidden_size",
    "n_heads": "num_attention_heads",
    "n_layers": "num_hidden_layers",
    "hidden_dim": "intermediate_size",
}
LAYERS = {"n_layers": "num_hidden_layers", "n_layer": "num_hidden_layers"}


def usual(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a Hugging Face configuration under the names that BERT gives them."""
    names = DISTILBERT if shape.get("model_type") == "distilbert" else LAYERS
    return {names.get(key, key): value for key, value in shape.items()}


def own(shape: Mapping[str, Any]) -> dict[str, Any]:
    """The same under the names of the architecture, as its configuration class wants them."""
    fields = dict(shape)
    if fields.get("model_type") != "distilbert":
        return fields
    names = {theirs: name for name, theirs in DISTILBERT.items()}
    return {names.get(key, key): value for key, value in fields.items()}
