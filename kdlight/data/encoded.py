"""Tokenised rows on disk: flat token arrays that are memory-mapped and gathered in one step."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdlight.data.layout import LAYOUTS, Plain, load
from kdlight.data.rows import ids_at
from kdlight.types import Batch, Tokens, UserError

CHUNK = 1 << 16  # rows that are looked at together


@dataclass(frozen=True, slots=True)
class Template:
    """How an encoder joins texts: prefix a middle b suffix, with the token types of a and b."""

    pad: int
    prefix: tuple[int, ...]
    middle: tuple[int, ...]
    suffix: tuple[int, ...]
    second_type: int

    @property
    def extra_single(self) -> int:
        """Special tokens around one text."""
        return len(self.prefix) + len(self.suffix)

    @property
    def extra_pair(self) -> int:
        """Special tokens around a pair."""
        return self.extra_single + len(self.middle)


class EncodedRows:
    """The rows of one split, tokenised; nothing is read before it is gathered.

    Files: `a.ids`, `a.offsets` (and `b.*` for pairs), `labels` (NaN: unknown), `copies` (true for
    rows made by augmentation, with the labels of the rows they come from; older artifacts without
    such rows lack it), `ids` (64-bit digests of the example ids), all `.npy`, and `meta.json`,
    whose `kind` says how they make rows (`kdlight.data.layout`).

    Args:
        folder: of those files.
        task: name that the batches carry.
        keep_labels: whether copies keep their labels; else they count as unlabelled.
        joint: the same rows in another network's tokens, from which the joined form is taken.

    Raises:
        UserError: if `joint` holds other rows.
    """

    def __init__(
        self,
        folder: Path,
        task: str,
        keep_labels: bool = False,
        joint: "EncodedRows | None" = None,
    ) -> None:
        meta = json.loads((folder / "meta.json").read_text())
        self.folder, self.task = folder, task
        self.text = folder / meta["rows"] if "rows" in meta else None
        self.max_length: int = meta["max_length"]
        self.vocabulary: int = meta["vocabulary"]
        self.template = Template(
            meta["pad"],
            tuple(meta["prefix"]),
            tuple(meta["middle"]),
            tuple(meta["suffix"]),
            meta["second_type"],
        )
        self.layout: Plain = LAYOUTS[meta.get("kind", "text")](folder, meta)
        self.ids = load(folder, "ids")
        self.labels = self.layout.labels
        copies = load(folder, "copies") if (folder / "copies.npy").exists() else np.array(False)
        if not keep_labels and copies.any():
            self.labels = np.where(copies, np.float32("nan"), self.labels)
        sides = ("a", "b") if meta["pair"] else ("a",)
        self._sides = [(load(folder, f"{s}.ids"), load(folder, f"{s}.offsets")) for s in sides]
        self._joined = joint or self
        if not np.array_equal(self.ids, self._joined.ids):
            raise UserError(f"The student and the teacher of task {task} read different rows.")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each row, both texts together, [rows]."""
        total: NDArray[np.int32] = self.text_lengths.sum(axis=1, dtype=np.int32)
        return total

    @property
    def text_lengths(self) -> NDArray[np.uint16]:
        """Tokens of each text of each row as `texts` holds them, [rows texts]."""
        out = np.empty((len(self), len(self._sides)), dtype=np.uint16)
        for start in range(0, len(self), CHUNK):
            stop = min(start + CHUNK, len(self))
            for side, (_, offsets) in enumerate(self._sides):
                part = self.layout.texts(side, start, stop)
                lengths = np.diff(offsets[part.start : part.stop + 1])
                lengths = self.layout.lengths(side, lengths, start)
                out[start:stop, side] = np.minimum(lengths, self.max_length)
        return out

    @property
    def known_labels(self) -> NDArray[np.int64]:
        """The numbers of the rows that have a gold label."""
        return np.flatnonzero(~np.isnan(self.labels.reshape(len(self), -1)[:, 0]))

    def example_ids(self, rows: Iterable[int]) -> list[str]:
        """The ids of these rows, from the text they were encoded from; numbers if it is gone."""
        if self.text is None or not self.text.exists():
            return [f"number {row}" for row in rows]
        return ids_at(self.text, map(self.layout.example, rows))

    def batch(self, rows: NDArray[np.int64], reads: frozenset[str]) -> Batch:
        """The rows as a `Batch` holding the text forms in `reads` (`texts`, `joint`)."""
        return Batch(
            task=self.task,
            rows=torch.from_numpy(np.array(rows)),  # a copy: a lone row may have a negative stride
            ids=torch.from_numpy(self.ids[rows]),
            labels=torch.from_numpy(self.labels[rows]),
            texts=self._texts(rows) if "texts" in reads else (),
            joint=self._joined._joint(rows) if "joint" in reads else None,
            **self.layout.fields(rows),
        )

    def _texts(self, rows: NDArray[np.int64]) -> tuple[Tokens, ...]:
        picks = self.layout.picks(rows)
        return tuple(self._side(side, pick) for side, pick in zip(self._sides, picks, strict=True))

    def _side(self, side: tuple[NDArray, NDArray], rows: NDArray[np.int64]) -> Tokens:
        flat, offsets = side
        starts = offsets[rows]
        lengths = np.minimum(offsets[rows + 1] - starts, self.max_length)
        return _tokens(_gather(flat, starts, lengths, self.template.pad), lengths)

    def _joint(self, rows: NDArray[np.int64]) -> Tokens:
        template, width, picks = self.template, self.max_length, self.layout.picks(rows)
        starts = [offsets[pick] for (_, offsets), pick in zip(self._sides, picks, strict=True)]
        counts = [
            offsets[pick + 1] - start
            for (_, offsets), pick, start in zip(self._sides, picks, starts, strict=True)
        ]
        if len(counts) == 1:
            counts = [np.minimum(counts[0], width - template.extra_single)]
        else:
            counts = _truncate(counts[0], counts[1], width - template.extra_pair)
        texts = [
            _gather(flat, start, count, template.pad)
            for (flat, _), start, count in zip(self._sides, starts, counts, strict=True)
        ]
        lengths = np.sum(counts, axis=0) + (
            template.extra_pair if len(counts) == 2 else template.extra_single
        )
        out = np.full((len(lengths), int(lengths.max())), template.pad, dtype=np.int64)
        types = np.zeros_like(out)
        at = np.zeros(len(lengths), dtype=np.int64)
        parts: list[tuple[NDArray | tuple[int, ...], NDArray, int]]
        parts = [(template.prefix, at, 0), (texts[0], counts[0], 0)]
        if len(counts) == 2:
            second = template.second_type
            parts += [
                (template.middle, at, 0),
                (texts[1], counts[1], second),
                (template.suffix, at, second),
            ]
        else:
            parts += [(template.suffix, at, 0)]
        for part, count, token_type in parts:
            at = at + _place(out, types, at, part, count, token_type)
        return Tokens(torch.from_numpy(out), torch.from_numpy(lengths), torch.from_numpy(types))


def _tokens(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> Tokens:
    return Tokens(torch.from_numpy(ids), torch.from_numpy(np.ascontiguousarray(lengths)))


def _gather(
    flat: NDArray, starts: NDArray[np.int64], lengths: NDArray[np.int64], pad: int
) -> NDArray[np.int64]:
    """Ragged rows of `flat` as a padded matrix, [rows, longest]."""
    positions = np.arange(int(lengths.max()))[None, :]
    real = positions < lengths[:, None]
    out = np.full(real.shape, pad, dtype=np.int64)
    out[real] = flat[(starts[:, None] + positions)[real]]
    return out


def _place(
    out: NDArray,
    types: NDArray,
    at: NDArray,
    part: "NDArray | tuple[int, ...]",
    count: NDArray,
    kind: int,
) -> NDArray:
    """Writes a text (or fixed tokens) into each row of `out` from column `at`; its lengths."""
    if isinstance(part, tuple):
        part, count = (
            np.broadcast_to(np.array(part, dtype=np.int64), (len(out), len(part))),
            np.full(len(out), len(part)),
        )
    row, column = np.nonzero(np.arange(part.shape[1])[None, :] < count[:, None])
    out[row, at[row] + column] = part[row, column]
    types[row, at[row] + column] = kind
    return count


def _truncate(
    first: NDArray[np.int64], second: NDArray[np.int64], room: int
) -> list[NDArray[np.int64]]:
    """Lengths of both texts cut to `room` tokens, the longer one first (Hugging Face's rule)."""
    short, long = np.minimum(first, second), np.maximum(first, second)
    new_short = np.where(short + long <= room, short, np.minimum(short, room // 2))
    new_long = np.where(short + long <= room, long, np.minimum(long, room - new_short))
    first_is_short = first <= second
    return [
        np.where(first_is_short, new_short, new_long),
        np.where(first_is_short, new_long, new_short),
    ]
