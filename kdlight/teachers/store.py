"""The teacher-output store: memory-mapped logits, aligned with the rows by stable id."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from kdlight.data.encoded import EncodedRows
from kdlight.types import Batch, ModelOutput, UserError


def open_for_filling(folder: Path, rows: EncodedRows, classes: int) -> np.memmap:
    """The logits of all rows, [rows classes], mapped for writing; made if not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "logits.npy"
    if path.exists():
        return np.lib.format.open_memmap(path, "r+")
    fresh = folder / "logits.new"
    np.lib.format.open_memmap(fresh, "w+", np.float32, (len(rows), classes)).flush()
    np.save(folder / "ids.npy", rows.ids)
    fresh.rename(path)
    return open_for_filling(folder, rows, classes)


class CachedTeacher:
    """Serves stored outputs; the training step cannot tell it from the live network.

    Args:
        folders: a store for each task.
        teacher, tokens: fingerprints the caller expects the store to be made from.

    Raises:
        UserError: if a store belongs to another teacher or to other text.
    """

    provides = frozenset({"logits"})
    reads: frozenset[str] = frozenset()

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._logits, self._ids = {}, {}
        for task, folder in folders.items():
            self._logits[task] = np.load(folder / "logits.npy", mmap_mode="r")
            self._ids[task] = np.load(folder / "ids.npy", mmap_mode="r")

    def __call__(self, batch: Batch) -> ModelOutput:
        """The stored outputs of the rows of the batch."""
        rows = batch.rows.cpu().numpy()
        if not np.array_equal(self._ids[batch.task][rows], batch.ids.cpu().numpy()):
            raise UserError(
                f"The teacher-output store of task {batch.task} holds other rows than the "
                "batch: it was made from another transfer set. Run job=teacher_outputs again."
            )
        logits = torch.from_numpy(self._logits[batch.task][rows])
        return ModelOutput(logits=logits.to(batch.labels.device))


def made_from(folder: Path, role: str) -> str | None:
    """The parent that the manifest of an artifact names for `role`."""
    parents: dict[str, str] = json.loads((folder / "manifest.json").read_text())["parents"]
    return parents.get(role)


def check_made_from(folder: Path, parents: Mapping[str, str | None]) -> None:
    """Refuses a store, or tokens to go with it, made from another teacher, tokenizer or text.

    Raises:
        UserError: which parent differs.
    """
    for role, expected in parents.items():
        if (found := made_from(folder, role)) != expected:
            raise UserError(
                f"The {folder.parent.name} {folder.name} were made from {role} {found}, not "
                f"{expected}: remove them and run again."
            )
