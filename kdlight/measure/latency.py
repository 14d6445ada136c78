"""How long a network takes for a batch, in paired runs."""

import time
from collections.abc import Callable
from statistics import quantiles


def paired_ms(
    first: Callable[[], object], second: Callable[[], object], runs: int, warmup: int = 3
) -> tuple[float, float]:
    """Milliseconds of two calls that are timed in turn: what a quarter of their runs stay below.

    Another process on the core makes some runs longer and none shorter; the quartile is that of a
    quiet core as long as it meets fewer than three in four.
    """
    for _ in range(warmup):
        first()
        second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for call, taken in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(1000 * (time.perf_counter() - start))
    low, other = (quantiles(taken, n=4)[0] for taken in times)
    return low, other
