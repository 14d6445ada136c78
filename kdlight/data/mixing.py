"""How often each task is drawn: rules that turn row counts into shares of an epoch's steps."""

from collections.abc import Mapping


def uniform(sizes: Mapping[str, int], epoch: int) -> dict[str, float]:
    """The same number of steps for every task."""
    del epoch
    return {task: 1 / len(sizes) for task in sizes}


def proportional(sizes: Mapping[str, int], epoch: int) -> dict[str, float]:
    """Steps in proportion to the number of rows, as MT-DNN mixes its mini-batches."""
    del epoch
    total = sum(sizes.values())
    return {task: size / total for task, size in sizes.items()}


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
