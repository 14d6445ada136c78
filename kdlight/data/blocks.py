"""Text without tasks, packed into blocks of one length: memory-mapped, no token of padding."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kdlight.artifacts.place import write_whole
from kdlight.data.array_files import ArrayFiles
from kdlight.data.encode import template, token_type
from kdlight.types import Batch, Tokens, UserError

LINES, CHARACTERS = 1000, 1 << 18  # tokenised together, at most and about
HELD_EVERY = 50  # one block in so many is held out, to choose a checkpoint by
MOST_HELD = 512  # of which so many are looked at, however much text there is
TRAIN, HELD = "train", "selection"
SAVED_EVERY = 30.0  # seconds


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
    number of lines done. What was stopped goes on where it was, given the same lines again.

    Returns:
        How many `lines`, `tokens` and `blocks` there are, and `left_out` tokens.

    Raises:
        UserError: if the text does not fill two blocks.
    """
    joined = template(tokenizer, pad)
    room = length - joined.extra_single
    if room < 1 or not joined.suffix:
        raise UserError(f"Blocks of {length} tokens have no room for text with this tokenizer.")
    for name in (TRAIN, HELD):
        (out / name).mkdir(parents=True, exist_ok=True)
    dtype, state = token_type(tokenizer), out / "checkpoints/packed.json"
    counts, begun, rest = _begun(state)
    advance(counts["lines"])
    with ArrayFiles(out, {f"{name}/ids": dtype for name in (TRAIN, HELD)}, begun) as files:
        due = time.monotonic() + SAVED_EVERY
        for part in _parts(islice(lines, counts["lines"], None)):
            encoded = tokenizer.encode_batch_fast(part, add_special_tokens=False)
            texts = ([*e.ids, joined.suffix[0]] for e in encoded if e.ids)
            flat = np.concatenate([np.array(tokens, dtype) for tokens in (rest, *texts)])
            whole = len(flat) // room
            for block in flat[: whole * room].reshape(whole, room):
                last = counts["blocks"] % HELD_EVERY == HELD_EVERY - 1 or counts["blocks"] == 1
                ids = [*joined.prefix, *block, *joined.suffix]
                files.append(f"{HELD if last else TRAIN}/ids", ids)
                counts["blocks"] += 1
            rest = flat[whole * room :].tolist()
            counts["lines"] += len(part)
            counts["tokens"] += whole * room
            advance(len(part))
            if time.monotonic() >= due:
                _save(state, counts, files.saved(), rest)
                due = time.monotonic() + SAVED_EVERY
        _save(state, counts, files.saved(), rest)
    counts["left_out"] = len(rest)
    if counts["blocks"] < 2:
        raise UserError(
            f"The text has {counts['tokens'] + counts['left_out']} tokens, too few for two blocks "
            f"of {length}: give more text, or shorter blocks."
        )
    meta = {"length": length, "pad": pad, "vocabulary": tokenizer.get_vocab_size(), **counts}
    for name in (TRAIN, HELD):
        (out / name / "meta.json").write_text(json.dumps(meta))
    return counts


def _parts(lines: Iterator[str]) -> Iterator[list[str]]:
    part, size = list[str](), 0
    for line in lines:
        part.append(line)
        size += len(line)
        if len(part) == LINES or size >= CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part


def _save(state: Path, counts: dict[str, int], begun: dict[str, int], rest: list[int]) -> None:
    state.parent.mkdir(exist_ok=True)
    write_whole(state, json.dumps({"counts": counts, "begun": begun, "rest": rest}))


def _begun(state: Path) -> tuple[dict[str, int], dict[str, int], list[int]]:
    """What was counted, the files so far, and the tokens that wait for a block to be full."""
    if not state.exists():
        return dict.fromkeys(("lines", "tokens", "blocks", "left_out"), 0), {}, []
    found = json.loads(state.read_text())
    return found["counts"], found["begun"], found["rest"]


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
