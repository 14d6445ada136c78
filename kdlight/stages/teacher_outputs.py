"""Stage: what the teacher says of every row of a transfer set."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from kdlight.artifacts.place import write_whole
from kdlight.data.encoded import EncodedRows
from kdlight.measure.meter import Meter
from kdlight.measure.threads import threads
from kdlight.methods.fit import device_of, ranks
from kdlight.models.build import load_teacher
from kdlight.models.multitask import MultiTaskModel
from kdlight.teachers.online import PRECISIONS
from kdlight.teachers.store import checksum, is_ready, open_for_filling
from kdlight.types import StageSpec, UserError

SHARD_TOKENS = 1 << 16
SORTED_ROWS = 1 << 18  # rows that are sorted together: more would need more memory, not less time


def run(spec: StageSpec) -> None:
    """Fills the store in length-sorted batches; finished shards are not done again.

    Several ranks fill different shards of the same file and need not talk to each other.
    """
    config, out = spec.config, Path(spec.out)
    rows = EncodedRows(Path(spec.inputs["tokens"]) / "transfer", config["task"])
    device = device_of(spec.runtime)
    model = load_teacher(Path(spec.inputs["teacher"])).to(device, PRECISIONS[config["precision"]])
    classes = model.outputs[config["task"]][0]
    rank, world_size = ranks()
    logits = _open(out, rows, classes, rank)
    lengths = rows.lengths
    done = out / "checkpoints"
    done.mkdir(exist_ok=True)
    total = int(lengths.sum(dtype=np.int64)) // world_size
    meter = Meter(spec.runtime["title"], total, "tokens", quiet=rank > 0)
    with meter, threads(spec.runtime["threads"]):
        for number, part in enumerate(_shards(lengths)):
            if number % world_size != rank:
                continue
            if _is_done(done / str(number), logits, part):
                meter.skip(int(lengths[part].sum()))
                continue
            batches = like_batches(lengths, part, spec.runtime["batch_tokens"])
            for batch in fill(logits, model, rows, batches, device):
                meter.advance(int(lengths[batch].sum()))
            write_whole(done / str(number), checksum(logits[part]))


def fill(
    logits: np.memmap,
    model: MultiTaskModel,
    rows: EncodedRows,
    batches: Iterable[np.ndarray],
    device: str,
) -> Iterator[np.ndarray]:
    """Stores the outputs of each batch of rows, and yields it when that is done."""
    for batch in batches:
        with torch.inference_mode():
            output = model(rows.batch(batch, model.reads).to(device)).part("logits")
        values = output.float().cpu().numpy()
        if not np.isfinite(values).all():
            raise UserError(f"The teacher gives numbers that are not finite for task {rows.task}.")
        logits[batch] = values
        yield batch
    logits.flush()


def _open(out: Path, rows: EncodedRows, classes: int, rank: int) -> np.memmap:
    """The first rank makes the file; the others wait until it is there."""
    import time

    while rank > 0 and not is_ready(out, rows, classes):
        time.sleep(0.05)
    return open_for_filling(out, rows, classes)


def _is_done(mark: Path, logits: np.memmap, rows: np.ndarray) -> bool:
    """Whether a stopped build has filled these rows, and they are as it left them."""
    return mark.is_file() and mark.read_bytes() == checksum(logits[rows]).encode()


def _shards(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of like length, of about `SHARD_TOKENS` tokens, longest first in each `SORTED_ROWS`."""
    for start in range(0, len(lengths), SORTED_ROWS):
        part = lengths[start : start + SORTED_ROWS]
        order = np.argsort(part, kind="stable")[::-1]
        shard = np.cumsum(part[order], dtype=np.int64) // SHARD_TOKENS
        edges = [0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(part)]
        yield from (start + order[a:b] for a, b in pairwise(edges) if b > a)


def like_batches(lengths: np.ndarray, rows: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Cuts length-sorted rows into batches of about `tokens` padded tokens."""
    batches, start = [], 0
    while start < len(rows):
        size = max(1, tokens // (int(lengths[rows[start]]) + 3))
        batches.append(rows[start : start + size])
        start += size
    return batches
