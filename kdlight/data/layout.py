"""What a row of token arrays is: a text or pair, a window of a context, or a text with options."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import combining

import numpy as np
import torch
from numpy.typing import NDArray

from kdlight.data.rows import read_rows
from kdlight.types import Example, UserError

Rows = NDArray[np.int64]


def load(folder: Path, name: str) -> NDArray:
    """The array of a `.npy` file, memory-mapped."""
    array: NDArray = np.load(folder / f"{name}.npy", mmap_mode="r")
    return array


class Plain:
    """A row is a text, or two; the other layouts say in what they differ.

    Attributes:
        labels: [rows], of windows [rows 2]; NaN where unknown.
    """

    def __init__(self, folder: Path, meta: Mapping[str, Any]) -> None:
        self.labels = load(folder, "labels")
        self._sides = 2 if meta["pair"] else 1

    def picks(self, rows: Rows) -> list[Rows]:
        """Which texts of each side the rows are made of: text n belongs to row n."""
        return [rows] * self._sides

    def texts(self, side: int, start: int, stop: int) -> slice:
        """Which texts of a side belong to the rows from `start` to `stop`."""
        del side
        return slice(start, stop)

    def lengths(self, side: int, lengths: NDArray, start: int) -> NDArray:
        """Tokens a row on a side, from the lengths of the texts of rows from `start` on."""
        del side, start
        return lengths

    def example(self, row: int) -> int:
        """The number of a row's example in its Arrow file."""
        return row

    def fields(self, rows: Rows) -> Mapping[str, torch.Tensor]:
        """What a batch of these rows has beside texts and labels."""
        del rows
        return {}


class Windows(Plain):
    """A row is a question and a window of its context; several may belong to one example.

    Attributes:
        examples: number of the example in its Arrow file, [rows], from 0 without gaps.
        context: first position of the window in the joined text and the one after it, [rows 2].
    """

    def __init__(self, folder: Path, meta: Mapping[str, Any]) -> None:
        super().__init__(folder, meta)
        self.labels = self.labels.reshape(-1, 2)
        self.examples, self.context = load(folder, "examples"), load(folder, "context")
        self.context = self.context.reshape(-1, 2)
        self._offsets = load(folder, "b.offsets")
        self._characters = load(folder, "characters").reshape(-1, 2)
        self._text = folder / meta["rows"]

    def example(self, row: int) -> int:
        """Windows of one example share its number."""
        return int(self.examples[row])

    def fields(self, rows: Rows) -> Mapping[str, torch.Tensor]:
        """Where the context lies."""
        return {"context": torch.from_numpy(self.context[rows].astype(np.int64))}

    def read(self) -> Iterator[Example]:
        """The examples, in their order.

        Raises:
            UserError: if the rows of text are gone.
        """
        if not self._text.exists():
            raise UserError(
                f"{self._text} is gone, from which answers are read: run the same command again."
            )
        return read_rows(self._text)

    def answers(self, windows: Rows, starts: Rows, ends: Rows) -> Iterator[tuple[Example, str]]:
        """Each example and the text of an answer to it.

        Args:
            windows: the row that holds the answer, [examples].
            starts: position of its first token in the joined text, [examples].
            ends: position of its last token, [examples].
        """
        base = self._offsets[windows] - self.context[windows, 0]
        first, last = self._characters[base + starts, 0], self._characters[base + ends, 1]
        for example, start, end in zip(self.read(), first, last, strict=True):
            text = example.text_b or ""
            while end < len(text) and combining(text[end]):  # an accent that normalisers take off
                end += 1
            yield example, text[start:end].strip()


class Options(Plain):
    """A row is a text with several options, each of which is joined to it."""

    def __init__(self, folder: Path, meta: Mapping[str, Any]) -> None:
        super().__init__(folder, meta)
        self._first = load(folder, "options")  # number of the first option, [rows + 1]

    @property
    def most(self) -> int:
        """Options of the row with most of them."""
        return int(np.diff(self._first).max())

    def picks(self, rows: Rows) -> list[Rows]:
        """The text once for each option of its row, and the options."""
        counts = self._first[rows + 1] - self._first[rows]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        return [np.repeat(rows, counts), np.repeat(self._first[rows], counts) + within]

    def texts(self, side: int, start: int, stop: int) -> slice:
        """One text a row, and all its options."""
        return (
            slice(int(self._first[start]), int(self._first[stop])) if side else slice(start, stop)
        )

    def lengths(self, side: int, lengths: NDArray, start: int) -> NDArray:
        """The text's; that of the longest option."""
        if not side:
            return lengths
        first = self._first[start:]
        place = np.searchsorted(first, first[0] + len(lengths))
        longest: NDArray = np.maximum.reduceat(lengths, first[:place] - first[0])
        return longest

    def fields(self, rows: Rows) -> Mapping[str, torch.Tensor]:
        """How many options each row has."""
        return {"options": torch.from_numpy(self._first[rows + 1] - self._first[rows])}


LAYOUTS: Mapping[str, type[Plain]] = {"text": Plain, "span": Windows, "choice": Options}


def named(ids: Sequence[str], most: int = 5) -> str:
    """The first of some ids, for a message."""
    more = ", ..." if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
