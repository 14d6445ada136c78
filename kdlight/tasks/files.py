"""Tasks in folders of files: which file holds a split, and the rows in it."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdlight.tasks.jsonl import json_rows, text_rows
from kdlight.tasks.layouts import LAYOUTS
from kdlight.tasks.rows import UNLABELLED, build_example
from kdlight.tasks.table import columns_of, table_rows
from kdlight.tasks.task import Task
from kdlight.tasks.values import BrokenRowError, RowError
from kdlight.types import Example, UserError

_log = logging.getLogger(__name__)
_JSONL = (".jsonl", ".jsonl.gz")
_JSON = (".json", ".json.gz")
_TEXT = (".txt", ".txt.gz")
_TABLES = (".tsv", ".tsv.gz", ".csv", ".csv.gz")
_OTHER_STEMS = {"dev": ("validation", "valid", "val")}
_MAX_LISTED = 20


def find_split(task: Task, root: str | Path, split: str) -> Path | None:
    """The file of a split in the task's folder under `root`, or None where there is none."""
    return _find_in(Path(root) / task.folder, task, split)


def require_split(task: Task, root: str | Path, split: str) -> Path:
    """As `find_split`, but a missing file is an error that says what was looked for."""
    path = find_split(task, root, split)
    if path is not None:
        return path
    root, folder = Path(root), Path(root) / task.folder
    if not root.is_dir():
        raise UserError(
            f"task {task.name}: data.root={root} is not a folder; expected one that holds "
            f"{task.folder}; near it: {_listing(root.parent)}"
        )
    if not folder.is_dir():
        raise UserError(
            f"task {task.name}: folder {folder} not found; folders in data.root={root}: "
            f"{_listing(root)}; ++task.{task.name}.folder=NAME names another ('.' for "
            "data.root itself)"
        )
    raise UserError(
        f"task {task.name}: no file for split {split} in {folder}; looked for "
        f"{', '.join(_candidates(task, split))}; the folder holds: {_listing(folder, files=True)}; "
        f"++task.{task.name}.files.{split}=[STEM] names another"
    )


def read_file(task: Task, path: str | Path, split: str) -> Iterator[Example]:
    """Yield the rows of one file, a row in memory at a time.

    Rows are numbered from 0 in the order of the file; the id is `<split>-<number>`, or
    `<split>-<value>` where the task's columns name an `id`. Skipped rows keep their number.

    Raises:
        UserError: with file, line and what was expected there.
    """
    path = Path(path)
    held_back = _dev_texts(task, path) if split == "train" else frozenset()
    seen: set[str] = set()
    skipped = 0
    for number, (place, row) in enumerate(_raw_rows(task, path, split)):
        try:
            if row is None:
                raise BrokenRowError("wrong number of columns")
            name = str(number) if _is_numbered(task, path) else _name(row, number, seen)
            example = build_example(task, split, name, row)
        except BrokenRowError as error:
            if not task.skip_broken:
                raise UserError(f"{path}, {place}: {error}") from None
            skipped += 1
            continue
        except RowError as error:
            raise UserError(f"{path}, {place}: {error}") from None
        if not held_back or (example.text_a, example.text_b) not in held_back:
            yield example
    if skipped:
        _log.warning("%s: left out %d broken rows", path, skipped)


def beside(task: Task, path: Path) -> list[Path]:
    """Further files that official sets lay the rows of `path` out in, such as their answers."""
    return LAYOUTS[task.layout].beside(path) if path.name.endswith(_JSON) else []


def companion(task: Task, path: Path) -> Path | None:
    """The dev file whose rows are left out of `path`, where `path` holds them as well."""
    if path.name.split(".")[0] not in task.with_dev:
        return None
    return _find_in(path.parent, task, "dev")


def _find_in(folder: Path, task: Task, split: str) -> Path | None:
    paths = (folder / name for name in _candidates(task, split))
    return next((path for path in paths if path.is_file()), None)


def _candidates(task: Task, split: str) -> list[str]:
    """File names of a split, those that are taken first first."""
    named = task.files.get(split, ())
    stems = [split, *named, *_OTHER_STEMS.get(split, ())]
    jsonl, json, text, tables = (
        [s + end for end in ends for s in stems] for ends in (_JSONL, _JSON, _TEXT, _TABLES)
    )
    if task.kind in ("span", "choice"):
        return jsonl + json  # a table has no room for lists
    if split == UNLABELLED:
        return jsonl + text + tables + json
    return jsonl + tables + json + [stem + ending for ending in _TEXT for stem in named]


def _raw_rows(task: Task, path: Path, split: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield (place in the file, row); the row is None where a table has a broken line."""
    columns, layout = columns_of(task, split), LAYOUTS[task.layout]
    if path.name.endswith(_JSON):
        for place, record in layout.records(path):
            for row in layout.rows(record):
                yield place, _under_our_names(row, columns)
        return
    for line, found in _line_rows(task, path, split):
        yield f"line {line}", found


def _line_rows(task: Task, path: Path, split: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    if path.name.endswith(_JSONL):
        columns = columns_of(task, split)
        yield from ((line, _under_our_names(row, columns)) for line, row in json_rows(path))
    elif split == UNLABELLED and path.name.endswith(_TEXT):
        yield from text_rows(path, task.pair)
    else:
        yield from table_rows(task, path, split)


def _under_our_names(row: dict[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON row that may have the names of the task's columns in place of ours."""
    for key in ("text_a", "text_b", "label", "answers", "options"):
        if key not in row and (column := columns.get(key)) in row:
            row[key] = row[column]
    return row


def _is_numbered(task: Task, path: Path) -> bool:
    """Whether an `id` in a row does not count: one of JSON lines need not be unique."""
    return path.name.endswith(_JSONL) or (path.name.endswith(_JSON) and not task.layout)


def _name(row: dict[str, Any], number: int, seen: set[str]) -> str:
    """End of a row's id: its number, or the value of the id column, which must be unique."""
    if "id" not in row:
        return str(number)
    name = str(row["id"]).strip()
    if not name or name in seen:
        raise RowError(f"id {name!r} is empty or stands twice; expected a different one a row")
    seen.add(name)
    return name


def _dev_texts(task: Task, path: Path) -> frozenset[tuple[str, str | None]]:
    dev = companion(task, path)
    if dev is None:
        return frozenset()
    return frozenset((row.text_a, row.text_b) for row in read_file(task, dev, "dev"))


def _listing(folder: Path, files: bool = False) -> str:
    """Names in a folder, for messages; only folders unless `files`."""
    if not folder.is_dir():
        return "nothing"
    names = sorted(path.name for path in folder.iterdir() if files or path.is_dir())
    more = ", …" if len(names) > _MAX_LISTED else ""
    return (", ".join(names[:_MAX_LISTED]) + more) if names else "nothing"
