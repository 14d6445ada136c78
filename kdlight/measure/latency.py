"""How long a network takes for a batch: medians of paired runs."""

import time
from collections.abc import Callable
from statistics import median


def paired_ms(
    first: Callable[[], object], second: Callable[[], object], runs: int, warmup: int = 3
) -> tuple[float, float]:
    """Median milliseconds of two calls that are timed in turn, so that noise meets both."""
    for _ in range(warmup):
        first()
        second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for call, taken in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(1000 * (time.perf_counter() - start))
    return median(times[0]), median(times[1])
