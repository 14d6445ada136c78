"""AdamW and AdaDelta for networks that are mostly an embedding table."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class RowOptimizer(torch.optim.Optimizer, ABC):
    """What lazy optimizers share: a table's step is that of the rows with a gradient.

    A batch touches a few hundred rows of a table of 30,000; moving all of them would cost more
    than the network itself. A row counts as touched if its gradient is not zero throughout, so
    that a table marked with `only_touched_rows` moves alike whether its gradient is sparse, or
    dense because the ranks of a group have added theirs up. Other parameters are updated by the
    rule of the dense optimizer that stands next in the order of base classes.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what `closure` returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        tables = [
            (parameter, parameter.grad, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and _by_rows(parameter)
        ]
        for parameter, _, _ in tables:
            parameter.grad = None
        super().step()
        for parameter, gradient, group in tables:
            self._step_rows(parameter, *_touched(gradient), group)
            parameter.grad = gradient
        return loss

    @abstractmethod
    def _step_rows(
        self, parameter: Tensor, rows: Tensor, values: Tensor, group: dict[str, Any]
    ) -> None:
        """Moves `rows` [n] of a table by their gradients `values` [n width]."""


class AdamW(torch.optim.AdamW):
    """That of torch; all parameters move in one go (`fused`) unless `options` say otherwise."""

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, **{"fused": True, **options})


class LazyAdamW(RowOptimizer, AdamW):
    """AdamW; of tables only the touched rows move (rule of `torch.optim.SparseAdam`).

    Rows that are not touched keep their moments and are not decayed.
    """

    def _step_rows(
        self, parameter: Tensor, rows: Tensor, values: Tensor, group: dict[str, Any]
    ) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        count, (beta1, beta2) = float(state["step"]), group["betas"]
        first = state["exp_avg"].index_select(0, rows).lerp_(values, 1 - beta1)
        second = state["exp_avg_sq"].index_select(0, rows).lerp_(values.square(), 1 - beta2)
        state["exp_avg"].index_copy_(0, rows, first)
        state["exp_avg_sq"].index_copy_(0, rows, second)
        scale = (1 - beta2**count) ** 0.5 / (1 - beta1**count)
        update = first.div_(second.sqrt_().add_(group["eps"])).mul_(-group["lr"] * scale)
        parameter.index_add_(0, rows, update)


class LazyAdadelta(RowOptimizer, torch.optim.Adadelta):
    """AdaDelta (Zeiler 2012, arXiv 1212.5701); of tables only the touched rows are worked on.

    The steps are those of `torch.optim.Adadelta`: a row without gradient does not move there
    either, its two averages only shrink by `rho` a step, and here they do so at once when the
    row is touched again. Tables are not decayed by `weight_decay`.
    """

    def _step_rows(
        self, parameter: Tensor, rows: Tensor, values: Tensor, group: dict[str, Any]
    ) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["square_avg"] = torch.zeros_like(parameter)
            state["acc_delta"] = torch.zeros_like(parameter)
            state["touched"] = parameter.new_zeros(len(parameter))  # each row's last step
        state["step"] += 1
        rho, eps = group["rho"], group["eps"]
        missed = float(state["step"]) - 1 - state["touched"][rows]
        shrunk = (rho**missed)[:, None]
        square = state["square_avg"][rows].mul_(shrunk).mul_(rho)
        moved = state["acc_delta"][rows].mul_(shrunk)
        square.addcmul_(values, values, value=1 - rho)
        update = moved.add(eps).sqrt_().div_(square.add(eps).sqrt_()).mul_(values)
        moved.mul_(rho).addcmul_(update, update, value=1 - rho)
        state["square_avg"][rows], state["acc_delta"][rows] = square, moved
        state["touched"][rows] = float(state["step"])
        parameter.index_add_(0, rows, update, alpha=-group["lr"])


def only_touched_rows(table: Tensor) -> None:
    """Marks a table [rows width] so that a lazy optimizer leaves rows without gradient alone."""
    table.only_touched_rows = True  # type: ignore[attr-defined]


def _by_rows(parameter: Tensor) -> bool:
    assert parameter.grad is not None
    return parameter.grad.is_sparse or getattr(parameter, "only_touched_rows", False)


def _touched(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers and gradients of the rows whose gradient is not zero."""
    if gradient.is_sparse:
        gradient = gradient.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        moved = _moved(values)
        return (rows, values) if bool(moved.all()) else (rows[moved], values[moved])
    rows = _moved(gradient).nonzero()[:, 0]
    return rows, gradient[rows]


def _moved(gradient: Tensor) -> Tensor:
    """Which rows are not zero throughout, [rows]; a third of the time of `any`."""
    return gradient.abs().amax(dim=1) != 0
