"""The DataModule all methods share: mixes the batches of the tasks, one task a batch."""

from collections.abc import Mapping

import lightning as L

from kdlight.data.loader import EvalLoader, Rows, TrainLoader
from kdlight.data.sampler import Mixing, TaskBatchSampler
from kdlight.types import UserError


class TaskDataModule(L.LightningDataModule):
    """Training batches of mixed tasks and one validation loader a task.

    Args:
        train: the rows to learn from, by task.
        validation: the rows that choose the checkpoint, by task, in the same order.
        mixing: shares of the tasks (`kdlight.data.mixing`).
        batch_size: rows a step, over all ranks.
        seed: of the order of rows and tasks.
        reads: text forms the networks want, `texts` and `joint`.
        labelled_only: leave out rows without a gold label.
        window: batches that are cut from one lot of rows; more of them need less padding.
    """

    def __init__(
        self,
        train: Mapping[str, Rows],
        validation: Mapping[str, Rows],
        mixing: Mixing,
        batch_size: int,
        seed: int,
        reads: frozenset[str],
        labelled_only: bool = False,
        window: int = 100,
    ) -> None:
        super().__init__()
        self.train, self.validation, self.reads = dict(train), dict(validation), reads
        self.batch_size = batch_size
        self.subsets = {
            task: rows.known_labels if labelled_only else None for task, rows in self.train.items()
        }
        for task, subset in self.subsets.items():
            if not len(self.train[task] if subset is None else subset):
                raise UserError(
                    f"Task {task} has no rows{' with labels' * labelled_only} to learn from."
                )
        lengths = {}
        for task, rows in self.train.items():
            each, subset = (
                rows.text_lengths if "texts" in reads else rows.lengths,
                self.subsets[task],
            )
            lengths[task] = each if subset is None else each[subset]
        self.sampler = TaskBatchSampler(lengths, batch_size, mixing, seed, window)

    @property
    def steps(self) -> int:
        """Of the run: an epoch, unless something else is set before it starts."""
        return self.sampler.steps

    @steps.setter
    def steps(self, steps: int) -> None:
        self.sampler.steps = steps

    def train_dataloader(self) -> TrainLoader:
        """`self.steps` training batches, counted from the start of the run."""
        rank, world_size = self._ranks()
        return TrainLoader(
            self.train, self.subsets, self.sampler, self.steps, self.reads, rank, world_size
        )

    def val_dataloader(self) -> list[EvalLoader]:
        """One loader a task, each row once over all ranks."""
        rank, world_size = self._ranks()
        size = 2 * self.batch_size
        return [
            EvalLoader(rows, size, self.reads, rank, world_size)
            for rows in self.validation.values()
        ]

    def _ranks(self) -> tuple[int, int]:
        trainer = self.trainer
        return (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
