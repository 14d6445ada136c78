"""A network's parameters in parts over the devices, for teachers that do not fit on one."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.utils import _pytree

from kdlight.types import ModelOutput

FIELDS = tuple(field.name for field in fields(ModelOutput))


def shard(model: nn.Module, mesh: Any) -> None:
    """Divides each layer of a Transformer, and the rest as one, over a mesh of devices (FSDP2).

    A layer's parameters are gathered when it computes, and let go of behind it.
    """
    _make_known()
    for layer in _layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def _layers(model: nn.Module) -> Iterator[nn.Module]:
    """Members of the outermost lists of modules."""
    for child in model.children():
        if isinstance(child, nn.ModuleList):
            yield from child
        else:
            yield from _layers(child)


def _make_known() -> None:
    """Lets torch find the tensors in a `ModelOutput`, from which gradients come back."""
    if ModelOutput in _pytree.SUPPORTED_NODES:
        return
    _pytree.register_pytree_node(
        ModelOutput,
        lambda output: ([getattr(output, name) for name in FIELDS], None),
        lambda parts, _: ModelOutput(*parts),
        serialized_type_name="kdlight.ModelOutput",
    )
