"""AdamW for networks that are mostly an embedding table."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class LazyAdamW(torch.optim.AdamW):
    """AdamW that updates only the rows of a sparse gradient (rule of `torch.optim.SparseAdam`).

    A batch touches a few hundred rows of a table of 30,000; moving all of them would cost more
    than the network itself. Rows that are not touched keep their moments and are not decayed.
    Parameters with ordinary gradients are updated as by AdamW.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what `closure` returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        sparse = [
            (parameter, parameter.grad.coalesce(), group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and parameter.grad.is_sparse
        ]
        for parameter, _, _ in sparse:
            parameter.grad = None
        super().step()
        for parameter, gradient, group in sparse:
            self._step_rows(parameter, gradient, group)
        return loss

    def _step_rows(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        count, (beta1, beta2) = float(state["step"]), group["betas"]
        rows, values = gradient.indices()[0], gradient.values()
        first = state["exp_avg"][rows].lerp_(values, 1 - beta1)
        second = state["exp_avg_sq"][rows].lerp_(values.square(), 1 - beta2)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = first, second
        scale = (1 - beta2**count) ** 0.5 / (1 - beta1**count)
        update = first.div_(second.sqrt_().add_(group["eps"])).mul_(-group["lr"] * scale)
        parameter.index_add_(0, rows, update)
