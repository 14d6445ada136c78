"""Queries, keys, values and output of a layer of any Hugging Face encoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from kdlight.types import UserError

KINDS = ("query", "key", "value")
# How architectures call them: BERT and its kin, the newer ones, DistilBERT, MPNet.
NAMES = (KINDS, ("q_proj", "k_proj", "v_proj"), ("q_lin", "k_lin", "v_lin"), ("q", "k", "v"))
OUTPUTS = ("attention.output.dense", "attention.dense", "out_proj", "o_proj", "out_lin")


class _AllFound(Exception):  # noqa: N818 - no fault
    """Ends a forward pass of which nothing further is wanted."""


@contextmanager
def recorded(model: nn.Module, layer: int, alone: bool = False) -> Iterator[dict[str, Tensor]]:
    """What a forward pass inside the block computes as a layer's queries, keys and values.

    The mapping `query`, `key`, `value` to [batch seq hidden] fills as the model runs.

    Args:
        model: a Hugging Face encoder.
        layer: from 0, or from the end.
        alone: whether nothing else of the pass is wanted: it ends with the three, and the block
            with it.

    Raises:
        UserError: if the architecture has no such layer, or makes the three in another way.
    """
    found: dict[str, Tensor] = {}
    parts = projections(model, layer)
    # Layers that share their weights (ALBERT) pass here several times; the last one counts.
    alone = alone and getattr(model.config, "num_hidden_layers", 0) == len(layers(model))

    def keeper(kind: str) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            del module, inputs
            found[kind] = output
            if alone and len(found) == len(parts):
                raise _AllFound

        return keep

    hooks = [part.register_forward_hook(keeper(kind)) for kind, part in parts.items()]
    try:
        yield found
    except _AllFound:
        pass
    finally:
        for hook in hooks:
            hook.remove()


def projections(model: nn.Module, layer: int) -> dict[str, nn.Module]:
    """The linear maps to a layer's queries, keys and values; layers count from 0 or the end."""
    every, kind = layers(model), type(model).__name__
    if not -len(every) <= layer < len(every):
        raise UserError(f"A {kind} has no layer {layer} whose relations could be learnt from.")
    by_name = {name.split(".")[-1]: part for name, part in every[layer].named_modules()}
    for names in NAMES:
        if all(isinstance(by_name.get(name), nn.Linear) for name in names):
            return {kind: by_name[name] for kind, name in zip(KINDS, names, strict=True)}
    raise UserError(
        f"Queries, keys and values of a {kind} are not made by a linear map each: take an "
        "encoder such as BERT, RoBERTa, ELECTRA or DistilBERT."
    )


def outputs(model: nn.Module, layer: int) -> nn.Linear:
    """The linear map of what a layer has attended to."""
    for name, part in layers(model)[layer].named_modules():
        if name.endswith(OUTPUTS) and isinstance(part, nn.Linear):
            return part
    raise UserError(f"The attention of a {type(model).__name__} ends with no linear map.")


def layers(model: nn.Module) -> nn.ModuleList:
    """A model's layers; of those that share their weights one."""
    return next((m for m in model.modules() if isinstance(m, nn.ModuleList)), nn.ModuleList())
