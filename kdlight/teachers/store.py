"""The teacher-output store: memory-mapped logits, aligned with the rows by stable id."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from kdlight.data.encoded import EncodedRows
from kdlight.types import LOGITS, Batch, ModelOutput, Shape, UserError


def open_for_filling(folder: Path, rows: EncodedRows, classes: int) -> np.memmap:
    """The logits of all rows, [rows classes], mapped for writing; made if not there yet.

    A file that is not what the rows need is made again. All its room is taken at once: writing
    to the map of a file that finds none kills the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "ids.npy", rows.ids)
    path, shape = folder / "logits.npy", (len(rows), classes)
    if (found := _mapped(path, shape)) is not None:
        return found
    fresh = folder / "logits.new"
    np.lib.format.open_memmap(fresh, "w+", np.float32, shape).flush()
    if hasattr(os, "posix_fallocate"):
        with fresh.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, fresh.stat().st_size)
    fresh.replace(path)
    return open_for_filling(folder, rows, classes)


def is_ready(folder: Path, rows: EncodedRows, classes: int) -> bool:
    """Whether the file to be filled is there, for ranks that do not make it."""
    return _mapped(folder / "logits.npy", (len(rows), classes)) is not None


def checksum(values: np.ndarray) -> str:
    """Identifies the outputs of some rows, so that a build goes on from whole ones only."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def _mapped(path: Path, shape: tuple[int, int]) -> np.memmap | None:
    """The file for reading and writing, or None if it is not there or is something else."""
    try:
        found = np.lib.format.open_memmap(path, "r+")
    except (OSError, ValueError, EOFError):
        return None
    return found if found.dtype == np.float32 and found.shape == shape else None


class CachedTeacher:
    """Serves stored outputs; the training step cannot tell it from the live network.

    Args:
        folders: a store for each task.
        teacher, tokens: fingerprints the caller expects the store to be made from.

    Raises:
        UserError: if a store belongs to another teacher or to other text.
    """

    provides = LOGITS
    reads: frozenset[str] = frozenset()
    shapes: Mapping[str, Shape] = {}

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._logits, self._ids = {}, {}
        for task, folder in folders.items():
            self._logits[task] = np.load(folder / "logits.npy", mmap_mode="r")
            self._ids[task] = np.load(folder / "ids.npy", mmap_mode="r")

    def watch(self, layer: int) -> None:
        """There are no layers in a store, and no loss that asks for one gets so far."""
        del layer

    def __call__(self, batch: Batch, needs: frozenset[str] = LOGITS) -> ModelOutput:
        """The stored outputs of the rows of the batch."""
        del needs
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
