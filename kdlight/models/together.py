"""Two networks that do not wait for each other, each on a core of its own."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn


def together(
    first: nn.Module, second: nn.Module, one: Tensor, two: Tensor
) -> tuple[Tensor, Tensor]:
    """`first(one)[0]` and `second(two)[0]`, at the same time, and so their gradients.

    A small recurrent network cannot use a second thread: the products of a step are too small
    to be shared. Two such networks can.
    """
    weights = (*first.parameters(), *second.parameters())
    found: tuple[Tensor, Tensor] = _Together.apply(first, second, one, two, *weights)
    return found


class _Together(torch.autograd.Function):
    """Keeps a graph for each network, so that each can be gone back on its own."""

    @staticmethod
    def forward(
        ctx: Any, first: nn.Module, second: nn.Module, one: Tensor, two: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        del weights  # named so that autograd asks for their gradients
        grad = any(ctx.needs_input_grad)
        # Of each thread its own, like the number of threads.
        half = {"enabled": torch.is_autocast_enabled("cpu")}
        kind = torch.get_autocast_dtype("cpu")

        def run(network: nn.Module, given: Tensor) -> tuple[Tensor, Tensor]:
            with torch.set_grad_enabled(grad), torch.autocast("cpu", kind, **half):
                inside = given.detach().requires_grad_(given.requires_grad)
                return inside, network(inside)[0]

        a, b = _at_once(lambda: run(first, one), lambda: run(second, two))
        ctx.graphs = [(*a, tuple(first.parameters())), (*b, tuple(second.parameters()))]
        return a[1].detach(), b[1].detach()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        def back(graph: Any, above: Tensor) -> tuple[Tensor | None, list[Tensor | None]]:
            inside, states, weights = graph
            wanted = [v for v in (inside, *weights) if v.requires_grad]
            found = iter(torch.autograd.grad(states, wanted, above) if wanted else ())
            every = [next(found) if v.requires_grad else None for v in (inside, *weights)]
            return every[0], every[1:]

        graphs = ctx.graphs
        (one, first), (two, second) = _at_once(
            lambda: back(graphs[0], upstream[0]), lambda: back(graphs[1], upstream[1])
        )
        return (None, None, one, two, *first, *second)


def _at_once(first: Any, second: Any) -> tuple[Any, Any]:
    """Both results; each call works on one thread."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        other = _helper().submit(second)
        return first(), other.result()
    finally:
        torch.set_num_threads(count)


@cache
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "together", initializer=lambda: torch.set_num_threads(1))
