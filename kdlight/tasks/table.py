"""Rows of TSV files, where quotes are part of the text as in GLUE, and of quoted CSV files."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdlight.tasks.lines import numbered_lines
from kdlight.tasks.rows import may_lack_labels
from kdlight.tasks.task import Task
from kdlight.types import UserError

Fields = Iterator[tuple[int, list[str]]]


def table_rows(task: Task, path: Path, split: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield (line number, row) of a table; the row is None where its number of columns is wrong.

    Such rows are an error unless the task skips broken rows.
    """
    fields = _csv_fields(path) if ".csv" in path.suffixes else _tsv_fields(path)
    columns: dict[str, Any] = {"header": True, **task.columns}
    if split.startswith("test"):
        columns |= task.columns.get("test", {})
    width, places = 0, dict[str, int]()
    for number, values in fields:
        if not places:
            width = len(values)
            places = _places(task, path, split, columns, values)
            if columns["header"]:
                continue
        if len(values) != width:
            if not task.skip_broken:
                raise UserError(
                    f"{path}, line {number}: {len(values)} columns; expected {width} as in the "
                    "first line"
                )
            yield number, None
            continue
        yield number, {key: values[place] for key, place in places.items()}


def _places(
    task: Task, path: Path, split: str, columns: Mapping[str, Any], first: list[str]
) -> dict[str, int]:
    """Where in a row each of `text_a`, `text_b`, `label` and `id` stands."""
    wanted = ["text_a", *(["text_b"] if task.pair else []), "label"]
    wanted += ["id"] if "id" in columns else []
    found = [name.strip() for name in first] if columns["header"] else list(range(len(first)))
    places = {}
    for key in wanted:
        column = columns.get(key, key)
        if column in found:
            places[key] = found.index(column)
        elif key != "label" or not may_lack_labels(split):
            raise UserError(
                f"{path}, line 1: no column {column!r} for {key}; "
                f"found: {', '.join(map(str, found))}; name them in task.{task.name}.columns"
            )
    return places


def _tsv_fields(path: Path) -> Fields:
    for number, line in numbered_lines(path):
        if line.strip():
            yield number, line.split("\t")


def _csv_fields(path: Path) -> Fields:
    reader = csv.reader((line + "\n" for _, line in numbered_lines(path)), strict=True)
    try:
        for values in reader:
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise UserError(
            f"{path}, line {reader.line_num}: not valid CSV ({error}); expected comma-separated "
            "columns, with double quotes around texts that hold a comma"
        ) from None
