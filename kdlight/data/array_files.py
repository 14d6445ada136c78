"""One-dimensional `.npy` files that grow in bounded memory."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


class ArrayFiles:
    """Writes `<name>.npy` files piece by piece; use as a context manager.

    Each begins with a header that says it is empty, until the block ends without an error. The
    header is as long for any count, so that the numbers stay where they were written.

    Args:
        folder: where the files lie.
        types: the type of the numbers by name.
        begun: what `saved` gave of files to go on with, finished or not; what was added later is
            dropped.
    """

    def __init__(
        self, folder: Path, types: Mapping[str, type], begun: Mapping[str, int] | None = None
    ) -> None:
        self.folder, self.types, self.begun = folder, dict(types), begun or {}
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> "ArrayFiles":
        for name in self.types:
            path = self.folder / f"{name}.npy"
            self._files[name] = file = path.open("r+b" if name in self.begun else "wb")
            if name in self.begun:
                file.truncate(self.begun[name])
                file.seek(0, os.SEEK_END)
            else:
                file.write(self._header(name, 0))
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
        for name, file in self._files.items():
            with file:
                if kind is None:
                    self._finish(name, file)

    def _finish(self, name: str, file: BinaryIO) -> None:
        size = file.tell() - len(self._header(name, 0))
        file.seek(0)
        file.write(self._header(name, size // np.dtype(self.types[name]).itemsize))

    def _header(self, name: str, count: int) -> bytes:
        about = {"descr": np.dtype(self.types[name]).str, "fortran_order": False, "shape": (count,)}
        written = io.BytesIO()
        np.lib.format.write_array_header_1_0(written, about)
        return written.getvalue()
