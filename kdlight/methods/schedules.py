"""Learning-rate schedules, one value a step."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def linear(optimizer: Optimizer, total_steps: int, warmup: float = 0.1) -> LambdaLR:
    """Rises over the first `warmup` of the steps, then falls to zero in a straight line."""
    rising = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        falling = (total_steps - step) / max(1, total_steps - rising)
        return max(0.0, min((step + 1) / rising, falling, 1.0))

    return LambdaLR(optimizer, factor)


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """The same rate throughout."""
    del total_steps
    return LambdaLR(optimizer, lambda _: 1.0)
