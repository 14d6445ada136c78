"""Rows of TSV files, where quotes are part of the text as in GLUE, and of quoted CSV files."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdlight.tasks.lines import numbered_lines
from kdlight.tasks.rows import may_lack_labels, name_it
from kdlight.tasks.task import Task
from kdlight.types import UserError

Fields = Iterator[tuple[int, list[str]]]
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_QUOTE_HINT = ", and double quotes around a text that holds one"


def columns_of(task: Task, split: str) -> dict[str, Any]:
    """The task's columns with those of test files in their place."""
    columns: dict[str, Any] = {"header": True, **task.columns}
    return columns | task.columns.get("test", {}) if split.startswith("test") else columns


def table_rows(task: Task, path: Path, split: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield (line number, row) of a table; the row is None where its number of columns is wrong.

    Such rows are an error unless the task skips broken rows.
    """
    columns = columns_of(task, split)
    quoted = ".csv" in path.suffixes
    fields = _csv_fields(path, _separator(task, path, columns)) if quoted else _tsv_fields(path)
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
                    f"first line{_QUOTE_HINT if quoted else ''}"
                )
            yield number, None
            continue
        yield number, {key: values[place] for key, place in places.items()}


def _places(
    task: Task, path: Path, split: str, columns: Mapping[str, Any], first: list[str]
) -> dict[str, int]:
    """Where in a row each of `text_a`, `text_b`, `label` and `id` stands."""
    found = _names(columns, first)
    places = {}
    for key, column in _wanted(task, columns).items():
        if column in found:
            places[key] = found.index(column)
        elif key != "label" or not may_lack_labels(split):
            raise UserError(
                f"{path}, line 1: no column {column!r} for {key}; "
                f"found: {', '.join(map(str, found)):.300}; {name_it(key)}"
            )
    return places


def _wanted(task: Task, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The column of each value that a row has."""
    keys = ["text_a", *(["text_b"] if task.pair else []), "label"]
    keys += ["id"] if "id" in columns else []
    return {key: columns.get(key, key) for key in keys}


def _names(columns: Mapping[str, Any], first: list[str]) -> list[Any]:
    """What the columns are called, or their numbers where there is no header."""
    return [name.strip() for name in first] if columns["header"] else list(range(len(first)))


def _separator(task: Task, path: Path, columns: Mapping[str, Any]) -> str:
    """The comma, semicolon or tab that parts the first line into most of the task's columns."""
    line = next((line for _, line in numbered_lines(path) if line.strip()), "")
    wanted = set(_wanted(task, columns).values())

    def met(separator: str) -> int:
        try:
            first = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            return 0  # named with its line when the rows are read
        return len(wanted.intersection(_names(columns, first)))

    return max(_SEPARATORS, key=met)


def _tsv_fields(path: Path) -> Fields:
    for number, line in numbered_lines(path):
        if line.strip():
            yield number, line.split("\t")


def _csv_fields(path: Path, separator: str) -> Fields:
    lines = (line + "\n" for _, line in numbered_lines(path))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for values in reader:
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise UserError(
            f"{path}, line {reader.line_num}: not valid CSV ({error}); expected columns parted by "
            f"{_SEPARATORS[separator]}{_QUOTE_HINT}"
        ) from None
