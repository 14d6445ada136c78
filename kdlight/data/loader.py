"""Batches ready for the step: an endless mixture for training, each row once for evaluation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kdlight.data.sampler import TaskBatchSampler
from kdlight.types import Batch, UserError


class Rows(Protocol):
    """What batches are made of: the rows of a task (`EncodedRows`) or blocks of text (`Blocks`)."""

    task: str

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each row, [rows]."""
        ...

    @property
    def text_lengths(self) -> NDArray[Any]:
        """Tokens of each text of each row, [rows texts]."""
        ...

    @property
    def known_labels(self) -> NDArray[np.int64]:
        """The numbers of the rows that have a gold label."""
        ...

    def example_ids(self, rows: Iterable[int]) -> list[str]:
        """What these rows are called in messages."""
        ...

    def batch(self, rows: NDArray[np.int64], reads: frozenset[str]) -> Batch:
        """These rows, with the text forms in `reads`."""
        ...


class TrainLoader:
    """The batches of steps `position` to `steps`; this rank's equal part of each.

    Lightning keeps `state_dict` in the checkpoint, so a resumed run continues at the next
    unseen batch.
    """

    def __init__(
        self,
        rows: Mapping[str, Rows],
        subsets: Mapping[str, np.ndarray | None],
        sampler: TaskBatchSampler,
        steps: int,
        reads: frozenset[str],
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.rows, self.subsets, self.sampler, self.steps = rows, subsets, sampler, steps
        self.reads, self.rank, self.world_size = reads, rank, world_size
        self.position = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        while self.position < self.steps:
            task, places = self.sampler.batch(self.position)
            self.position += 1
            mine, subset = places[self.rank :: self.world_size], self.subsets[task]
            rows = mine.astype(np.int64) if subset is None else subset[mine]
            yield self.rows[task].batch(rows, self.reads)

    def state_dict(self) -> dict[str, Any]:
        """The number of batches handed out so far."""
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues after the batches of a stopped run."""
        self.position = state["position"]


class EvalLoader:
    """Every row of a split exactly once, over all ranks, in batches of like length.

    All ranks have as many batches, since those of a divided network wait for each other at each.

    Raises:
        UserError: if there are fewer rows than several ranks.
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        reads: frozenset[str],
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.rows, self.reads = rows, reads
        if world_size > 1 and len(rows) < world_size:
            raise UserError(
                f"Task {rows.task} has {len(rows)} rows to choose a checkpoint by, fewer than the "
                f"{world_size} ranks: take fewer devices (trainer.devices), or more rows."
            )
        order = np.argsort(rows.lengths, kind="stable")[::-1][rank::world_size]
        self.batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        most = -(-len(rows) // world_size)  # rows of the first rank; some have one less
        if len(self.batches) < -(-most // batch_size):
            self.batches[-1:] = np.array_split(self.batches[-1], 2)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return (self.rows.batch(rows, self.reads) for rows in self.batches)
