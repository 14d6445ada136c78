"""A draw of few rows a class, and the classes that have not so many."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from kdlight.data.rows import labels_of
from kdlight.tasks.task import Task

log = logging.getLogger("kdlight")


class FewRows:
    """Draws so many rows of each class (or in all, for a task without classes).

    Args:
        task: whose rows they are.
        whole: the Arrow file of all its train rows.
        wanted: `rows` a class, and the number of the `draw`, which decides which ones.

    Attributes:
        short: of each part that was drawn from, how many rows there were of the classes that
            have fewer than `wanted["rows"]`.
    """

    def __init__(self, task: Task, whole: Path, wanted: Mapping[str, int]) -> None:
        self.task, self.wanted = task, wanted
        self.labels = labels_of(whole) if task.labels else None
        self.short: dict[str, dict[str, int]] = {}

    def of(self, part: str, numbers: Sequence[int]) -> list[int]:
        """Some of the rows with these numbers; what is short is noted under `part`."""
        order = list(numbers)
        Random(f"few {self.wanted['draw']}").shuffle(order)
        left = dict.fromkeys(range(len(self.task.labels) or 1), self.wanted["rows"])
        found = []
        for number in order:
            kind = 0 if self.labels is None else int(self.labels[number] or 0)
            if left.get(kind, 0):
                left[kind] -= 1
                found.append(number)
        names = self.task.labels or (self.task.name,)
        short = {names[kind]: self.wanted["rows"] - n for kind, n in left.items() if n}
        if numbers and short:
            self.short[part] = short
        return found

    def tell(self, title: str) -> None:
        """Says of which classes there are fewer rows to learn from than were asked for."""
        if short := self.short.get("train"):
            log.warning(
                "%s: %d rows a class are wanted, and all draws share the same few of %s.",
                title,
                self.wanted["rows"],
                ", ".join(f"{name} ({count})" for name, count in short.items()),
            )
