"""How often each task is drawn: rules that turn row counts into shares of an epoch's steps.

A rule is called with the rows by task and the share of the run that is done, from 0 to 1, and
returns shares that sum to one.
"""

from collections.abc import Mapping

Shares = dict[str, float]


def uniform(sizes: Mapping[str, int], done: float) -> Shares:
    """The same number of steps for every task."""
    return temperature(sizes, done, tau=0.0)


def proportional(sizes: Mapping[str, int], done: float) -> Shares:
    """Steps in proportion to the number of rows, as MT-DNN mixes its mini-batches."""
    return temperature(sizes, done, tau=1.0)


def temperature(sizes: Mapping[str, int], done: float, tau: float) -> Shares:
    """In proportion to `size ** tau`: BAM (arXiv 1907.04829) has 0.75.

    Raises:
        ValueError: if `tau` is negative.
    """
    del done
    if tau < 0:
        raise ValueError(f"tau={tau} must not be negative")
    return _normalised({task: size**tau for task, size in sizes.items()})


def capped(sizes: Mapping[str, int], done: float, cap: int) -> Shares:
    """In proportion to the rows, of which at most `cap` count (T5, arXiv 1910.10683, 3.5.2).

    Raises:
        ValueError: if `cap` is not positive.
    """
    del done
    if cap < 1:
        raise ValueError(f"cap={cap} must be 1 or more")
    return _normalised({task: min(size, cap) for task, size in sizes.items()})


def annealed(sizes: Mapping[str, int], done: float, end: float = 0.2) -> Shares:
    """From proportional at the start of the run to `size ** end` at its end.

    Stickland & Murray 2019, arXiv 1902.02671, section 4.1: towards the end every task counts.

    Raises:
        ValueError: if `end` is negative.
    """
    if end < 0:
        raise ValueError(f"end={end} must not be negative")
    return temperature(sizes, done, tau=1 - (1 - end) * done)


def weighted(sizes: Mapping[str, int], done: float, weights: Mapping[str, float]) -> Shares:
    """In proportion to given weights; a task that is not named counts once.

    Raises:
        ValueError: if a weight is negative or belongs to no task, or none is positive.
    """
    del done
    for task, weight in weights.items():
        if task not in sizes:
            raise ValueError(f"weights.{task}: there is no such task")
        if weight < 0:
            raise ValueError(f"weights.{task}={weight} must not be negative")
    return _normalised({task: weights.get(task, 1.0) for task in sizes})


def _normalised(shares: Mapping[str, float]) -> Shares:
    total = sum(shares.values())
    if total <= 0:
        raise ValueError("no task has a share")
    return {task: share / total for task, share in shares.items()}


def apportion(shares: Mapping[str, float], steps: int) -> dict[str, int]:
    """Whole steps a task that sum to `steps`, by largest remainder (ties: earlier task first).

    A task with a positive share gets at least one step where `steps` allows it.
    """
    exact = {task: share * steps for task, share in shares.items()}
    counts = {task: int(value) for task, value in exact.items()}
    by_remainder = sorted(shares, key=lambda task: counts[task] - exact[task])
    for task in by_remainder[: steps - sum(counts.values())]:
        counts[task] += 1
    for task in shares:
        largest = max(counts, key=lambda name: counts[name])
        if shares[task] > 0 and counts[task] == 0 and counts[largest] > 1:
            counts[task], counts[largest] = 1, counts[largest] - 1
    return counts
