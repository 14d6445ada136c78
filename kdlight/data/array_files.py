"""One-dimensional `.npy` files that grow in bounded memory."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


class ArrayFiles:
    """Writes `<name>.npy` files piece by piece; use as a context manager.

    The numbers go to `<name>.flat` first, since the header of a `.npy` file holds their count.

    Args:
        folder: where the files lie.
        types: the type of the numbers by name.
        begun: what `saved` gave of files to go on with; what was added later is dropped.
    """

    def __init__(
        self, folder: Path, types: Mapping[str, type], begun: Mapping[str, int] | None = None
    ) -> None:
        self.folder, self.types, self.begun = folder, dict(types), begun or {}
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> "ArrayFiles":
        for name in self.types:
            self._files[name] = self._flat(name).open("r+b" if name in self.begun else "wb")
            self._files[name].truncate(self.begun.get(name, 0))
            self._files[name].seek(0, os.SEEK_END)
        return self

    def append(self, name: str, values: Any) -> None:
        """Adds numbers, [any], to the end of a file."""
        self._files[name].write(np.asarray(values).astype(self.types[name]).tobytes())

    def saved(self) -> dict[str, int]:
        """Makes what was added outlast a kill; the bytes of each file by name."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        for file in self._files.values():
            file.close()
        if kind is None:
            for name in self.types:
                self._finish(name)

    def _finish(self, name: str) -> None:
        flat, dtype = self._flat(name), np.dtype(self.types[name])
        shape = (flat.stat().st_size // dtype.itemsize,)
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        with flat.open("rb") as source, (self.folder / f"{name}.npy").open("wb") as target:
            np.lib.format.write_array_header_1_0(target, header)
            shutil.copyfileobj(source, target, 1 << 20)
        flat.unlink()

    def _flat(self, name: str) -> Path:
        return self.folder / f"{name}.flat"
