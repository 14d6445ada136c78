"""Which rows make up a step: a pure function of the step number, the same on every rank."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdlight.data.mixing import apportion
from kdlight.types import settings_of

QUARTERS = np.array([0.25, 0.5, 0.75])
Mixing = Callable[[Mapping[str, int], float], dict[str, float]]
# A rule that changes over time is asked anew so often in a run, if that leaves it room for shares.
STRETCHES, LEAST = 20, 10  # LEAST: steps a task in a stretch


class TaskBatchSampler:
    """One task a batch, tasks mixed by exact shares, rows of like length together.

    Each task is an endless stream of permutations of its rows, so that a small task is cycled
    in order and every batch is full. A window of the stream, never longer than one permutation,
    is cut into batches of like length, and the batches are shuffled. Because `batch(step)`
    depends on nothing but the step, a run stopped in mid-epoch goes on with the same batches.

    The shares hold in every stretch of steps: equal parts of the run, of about an epoch, or shorter
    ones of a mixing that changes over time, whose last is mixed as the rule says for its end.

    Args:
        lengths: tokens of each row, by task: [rows], or [rows texts] for texts padded apart.
        batch_size: rows a step, over all ranks.
        mixing: shares of the tasks from their sizes and the share of the run that is done.
        seed: of the permutations, windows and task order.
        window: batches that are cut from one lot of rows, at most.

    Attributes:
        steps: of the run, an epoch if nothing is said; to be set before the first batch.
    """

    def __init__(
        self,
        lengths: Mapping[str, NDArray[Any]],
        batch_size: int,
        mixing: Mixing,
        seed: int,
        window: int = 100,
    ) -> None:
        self.lengths = dict(lengths)
        self.batch_size, self.mixing, self.seed, self.window = batch_size, mixing, seed, window
        self.sizes = {task: len(rows) for task, rows in self.lengths.items()}
        self.steps_per_epoch = -(-sum(self.sizes.values()) // batch_size)
        self.steps = self.steps_per_epoch
        self._tasks = list(self.lengths)
        self._orders: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._counts = np.zeros(len(self._tasks), dtype=np.int64)
        self._windows: dict[str, tuple[int, NDArray[np.int64]]] = {}
        self._cycles: dict[str, tuple[int, NDArray[np.uint32]]] = {}

    def batch(self, step: int) -> tuple[str, NDArray[np.int64]]:
        """The task of a step and the numbers of its rows, [batch_size]."""
        stretch, place = divmod(step, self._stretch)
        order, number = self._order(stretch)
        task = self._tasks[order[place]]
        return task, self._rows(task, int(number[place]))

    @cached_property
    def _stretch(self) -> int:
        """Steps for which the rule is asked once."""
        first = self._shares(0.0)
        if all(self._shares(done) == first for done in (0.5, 1.0)):
            return -(-self.steps // max(1, round(self.steps / self.steps_per_epoch)))
        return max(-(-self.steps // STRETCHES), LEAST * len(self._tasks))

    def _shares(self, done: float) -> dict[str, float]:
        with settings_of("mixing"):
            return self.mixing(self.sizes, done)

    def _order(self, stretch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The task index of every step of a stretch, and how many batches of it came before."""
        while len(self._orders) <= stretch:
            self._orders.append(self._next_order(len(self._orders)))
        return self._orders[stretch]

    def _next_order(self, stretch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        last = -(-self.steps // self._stretch) - 1
        shares = self._shares(min(1.0, stretch / max(1, last)))
        counts = apportion(shares, self._stretch)
        order = np.repeat(np.arange(len(self._tasks)), [counts[task] for task in self._tasks])
        np.random.default_rng([self.seed, 0, stretch]).shuffle(order)
        number = np.empty_like(order)
        for index in range(len(self._tasks)):
            places = np.flatnonzero(order == index)
            number[places] = self._counts[index] + np.arange(len(places))
            self._counts[index] += len(places)
        return order, number

    def _rows(self, task: str, number: int) -> NDArray[np.int64]:
        index, within = divmod(number, self._span(task))
        if self._windows.get(task, (-1,))[0] != index:
            self._windows[task] = index, self._window(task, index)
        return self._windows[task][1][within]

    def _span(self, task: str) -> int:
        """Batches of a window: over many permutations the copies of a row would fill a batch."""
        return max(1, min(self.window, self.sizes[task] // self.batch_size))

    def _window(self, task: str, index: int) -> NDArray[np.int64]:
        """The batches of a window, [span, batch_size]."""
        size, code, span = self.sizes[task], self._tasks.index(task), self._span(task)
        positions = np.arange(span * self.batch_size) + index * span * self.batch_size
        cycles = positions // size
        rows = np.concatenate(
            [
                self._cycle(task, int(cycle))[positions[cycles == cycle] % size]
                for cycle in range(cycles[0], cycles[-1] + 1)
            ]
        )
        lengths = self.lengths[task][rows].reshape(len(rows), -1).astype(np.int64)
        batches = np.stack([rows[part] for part in like_lengths(lengths, self.batch_size)])
        return np.random.default_rng([self.seed, 2, code, index]).permutation(batches)

    def _cycle(self, task: str, cycle: int) -> NDArray[np.uint32]:
        """The numbers of all rows of a task, shuffled; kept for the windows that follow."""
        if self._cycles.get(task, (-1,))[0] != cycle:
            rows = np.arange(self.sizes[task], dtype=np.uint32)  # half the memory of `permutation`
            code = self._tasks.index(task)
            np.random.default_rng([self.seed, 1, code, cycle]).shuffle(rows)
            self._cycles[task] = cycle, rows
        return self._cycles[task][1]


def like_lengths(lengths: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Cuts rows into batches that need little padding although each text is padded by itself.

    As a k-d tree does: the rows, sorted by the text for which that saves most, are cut in two
    at a quarter, a half or three quarters, and so are both parts. With one text the rows end up
    sorted. Sorted by their sum alone, pairs would waste a third of what is computed.

    Args:
        lengths: tokens, [rows texts]; the rows fill whole batches.
        size: rows a batch.

    Returns:
        The places of the rows of each batch.
    """

    def cut(places: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        count = len(places) // size
        if count <= 1:
            return [places]
        at = np.unique(np.clip(np.round(count * QUARTERS), 1, count - 1)).astype(int) * size
        options = []
        for text in range(lengths.shape[1]):
            order = places[np.argsort(lengths[places, text], kind="stable")]
            longest = np.maximum.accumulate(lengths[order]).sum(axis=1)
            rest = np.maximum.accumulate(lengths[order[::-1]])[::-1].sum(axis=1)
            cost = at * longest[at - 1] + (len(order) - at) * rest[at]
            best = int(cost.argmin())
            options.append((int(cost[best]), order, int(at[best])))
        _, order, edge = min(options, key=lambda option: option[0])
        return [*cut(order[:edge]), *cut(order[edge:])]

    return cut(np.arange(len(lengths)))
