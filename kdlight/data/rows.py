"""Rows of text on disk: Arrow files that are written and read in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from kdlight.types import Answer, Example

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text_a", pa.string()),
        ("text_b", pa.string()),
        ("label", pa.float64()),
        ("source", pa.string()),
        ("parent", pa.string()),
        ("answers", pa.list_(pa.struct([("text", pa.string()), ("start", pa.int64())]))),
        ("options", pa.list_(pa.string())),
    ]
)
CHUNK = 4096


def write_rows(path: Path, examples: Iterable[Example]) -> int:
    """Streams `examples` to an Arrow file; returns how many there were."""
    examples, count = iter(examples), 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        while chunk := list(islice(examples, CHUNK)):
            columns = {name: [getattr(row, name) for row in chunk] for name in SCHEMA.names}
            columns["answers"] = [[asdict(answer) for answer in row.answers] for row in chunk]
            writer.write_batch(pa.RecordBatch.from_pydict(columns, SCHEMA))
            count += len(chunk)
    return count


def copy_rows(source: Path, path: Path, numbers: Iterable[int]) -> None:
    """Writes the rows of an Arrow file that have these numbers, in the order of the file."""
    chosen = np.zeros(count_rows(source), dtype=bool)
    chosen[list(numbers)] = True
    with (
        pa.memory_map(str(source)) as rows,
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, SCHEMA) as writer,
    ):
        reader, start = pa.ipc.open_file(rows), 0
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            mask = pa.array(chosen[start : start + batch.num_rows])
            writer.write_batch(batch.filter(mask))
            start += batch.num_rows


def count_rows(path: Path) -> int:
    """How many rows an Arrow file holds."""
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        return sum(reader.get_batch(n).num_rows for n in range(reader.num_record_batches))


def read_rows(path: Path) -> Iterator[Example]:
    """The rows of an Arrow file, one chunk in memory at a time."""
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            for row in reader.get_batch(number).to_pylist():
                answers = tuple(Answer(**answer) for answer in row.pop("answers"))
                yield Example(**row | {"answers": answers, "options": tuple(row["options"])})


def ids_at(path: Path, numbers: Iterable[int]) -> list[str]:
    """The ids of the rows of an Arrow file that have these numbers, in the order asked for."""
    wanted = list(numbers)
    with pa.memory_map(str(path)) as source:
        column = pa.ipc.open_file(source).read_all()["id"]
        return [column[number].as_py() for number in wanted]


def labels_of(path: Path) -> list[float | None]:
    """The label of every row of an Arrow file, None where it has none."""
    with pa.memory_map(str(path)) as source:
        labels: list[float | None] = pa.ipc.open_file(source).read_all()["label"].to_pylist()
        return labels
