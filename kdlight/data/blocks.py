"""Text without tasks, packed into blocks of one length: memory-mapped, no token of padding."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kdlight.data.array_files import ArrayFiles
from kdlight.data.encode import template
from kdlight.types import Batch, Tokens, UserError

LINES = 1000  # tokenised together
HELD_EVERY = 50  # one block in so many is held out, to choose a checkpoint by
MOST_HELD = 512  # of which so many are looked at, however much text there is
TRAIN, HELD = "train", "selection"


def pack(
    lines: Iterable[str],
    out: Path,
    tokenizer: Tokenizer,
    pad: int,
    length: int,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Writes the text as blocks of `length` tokens to `out/train` and `out/selection`.

    Lines follow each other with the tokenizer's separator in between, and flow from block to
    block; every block stands between the tokens that the tokenizer puts around a text. What does
    not fill a last block is left out. One line in memory at a time; `advance` is called with the
    number of lines done.

    Returns:
        How many `lines`, `tokens` and `blocks` there are, and `left_out` tokens.

    Raises:
        UserError: if the text does not fill two blocks.
    """
    joined = template(tokenizer, pad)
    room = length - joined.extra_single
    if room < 1 or not joined.suffix:
        raise UserError(f"Blocks of {length} tokens have no room for text with this tokenizer.")
    counts = {"lines": 0, "tokens": 0, "blocks": 0, "left_out": 0}
    dtype = np.uint16 if tokenizer.get_vocab_size() <= 65536 else np.uint32
    folders = {name: out / name for name in (TRAIN, HELD)}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    with (
        ArrayFiles(folders[TRAIN], {"ids": dtype}) as train,
        ArrayFiles(folders[HELD], {"ids": dtype}) as held,
    ):
        rest = np.empty(0, dtype=dtype)
        for part in _parts(iter(lines)):
            encoded = tokenizer.encode_batch_fast(part, add_special_tokens=False)
            texts = [np.array([*e.ids, joined.suffix[0]], dtype) for e in encoded if e.ids]
            flat = np.concatenate([rest, *texts])
            whole = len(flat) // room
            for block in flat[: whole * room].reshape(whole, room):
                last = counts["blocks"] % HELD_EVERY == HELD_EVERY - 1 or counts["blocks"] == 1
                (held if last else train).append("ids", [*joined.prefix, *block, *joined.suffix])
                counts["blocks"] += 1
            rest = flat[whole * room :]
            counts["lines"] += len(part)
            counts["tokens"] += whole * room
            advance(len(part))
        counts["left_out"] = len(rest)
    if counts["blocks"] < 2:
        raise UserError(
            f"The text has {counts['tokens'] + counts['left_out']} tokens, too few for two blocks "
            f"of {length}: give more text, or shorter blocks."
        )
    meta = {"length": length, "pad": pad, "vocabulary": tokenizer.get_vocab_size(), **counts}
    for folder in folders.values():
        (folder / "meta.json").write_text(json.dumps(meta))
    return counts


def _parts(lines: Iterator[str]) -> Iterator[list[str]]:
    while part := list(islice(lines, LINES)):
        yield part


class Blocks:
    """Blocks of text as rows of a task, for the DataModule that all methods share.

    Args:
        folder: `train` or `selection` of a corpus.
        task: name that the batches carry.
        most: how many of them at most, spread evenly; None: all.
    """

    def __init__(self, folder: Path, task: str = "text", most: int | None = None) -> None:
        meta = json.loads((folder / "meta.json").read_text())
        self.folder, self.task = folder, task
        self.length: int = meta["length"]
        self.vocabulary: int = meta["vocabulary"]
        flat: NDArray = np.load(folder / "ids.npy", mmap_mode="r")
        self._ids = flat.reshape(-1, self.length)
        if most is not None and len(self._ids) > most:
            self._ids = self._ids[np.arange(most) * len(self._ids) // most]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each block, [rows]: the same of all."""
        return np.broadcast_to(np.int32(self.length), len(self))  # one number in memory

    @property
    def known_labels(self) -> NDArray[np.int64]:
        """The numbers of the rows that have a gold label: none has."""
        return np.empty(0, dtype=np.int64)

    @property
    def text_lengths(self) -> NDArray[np.int32]:
        """As `lengths`, [rows 1]."""
        return self.lengths[:, None]

    def example_ids(self, rows: Iterable[int]) -> list[str]:
        """What blocks are called in messages."""
        return [f"block {row}" for row in rows]

    def batch(self, rows: NDArray[np.int64], reads: frozenset[str]) -> Batch:
        """The blocks as joined text; they have no labels."""
        del reads
        ids = torch.from_numpy(self._ids[rows].astype(np.int64))
        numbers = torch.from_numpy(np.array(rows))
        lengths = torch.full((len(ids),), self.length)
        joint = Tokens(ids, lengths, torch.zeros_like(ids))
        return Batch(self.task, numbers, numbers, torch.full((len(ids),), torch.nan), (), joint)
