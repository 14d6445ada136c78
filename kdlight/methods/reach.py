"""Which parameters a loss depends on."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn


def unreached(loss: Tensor, parameters: Iterable[nn.Parameter]) -> Iterator[nn.Parameter]:
    """Those of the trainable `parameters` that have no part in `loss`, and so get no gradient."""
    seen: set[Any] = set()
    reached: set[int] = set()
    ahead: list[Any] = [loss.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):  # a leaf of the graph
            reached.add(id(node.variable))
        ahead += [following for following, _ in node.next_functions]
    return (p for p in parameters if p.requires_grad and id(p) not in reached)


def tied(loss: Tensor, parameters: Iterable[nn.Parameter]) -> Tensor:
    """The same `loss`, in which `parameters` have a part, so that their gradient is zero."""
    return loss + sum(parameter.flatten()[:0].sum() for parameter in parameters)
