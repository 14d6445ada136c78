"""Tasks from the Hugging Face hub, or from a local folder that `datasets` can load."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdlight.tasks.layouts import LAYOUTS
from kdlight.tasks.lines import file_hash
from kdlight.tasks.rows import build_example, read_label
from kdlight.tasks.task import Task
from kdlight.tasks.values import BrokenRowError, RowError
from kdlight.types import Example, UserError

_log = logging.getLogger(__name__)
_BATCH = 1000
_KEYS = {
    "span": ("text_a", "text_b", "answers"),
    "choice": ("text_a", "text_b", "options", "label"),
}
_USUAL_KEYS = ("text_a", "text_b", "label")


def read_hub(task: Task, split: str) -> Iterator[Example]:
    """The rows of a split; ids and checks are those of `read_file`.

    The set is loaded at once, its rows are read when their turn comes.

    Raises:
        UserError: the set cannot be had, lacks a column, has classes that the task does not
            know, or a row that cannot be used.
    """
    path, hub_split = _place(task, split)
    rows = _load(task, hub_split)
    where = f"{path}, split {hub_split}"
    layout = LAYOUTS[task.layout]
    records: Iterator[dict[str, Any]]
    if layout.nested:
        every = {name: name for name in rows.column_names}
        records = (row for record in _records(rows, every) for row in layout.rows(record))
        columns = {"label": "label"} if "label" in every else {}
    else:
        columns = _columns(task, rows.column_names, where)
        records = _records(rows, columns)
    if "label" in columns:
        names = getattr(rows.features[columns["label"]], "names", None)
        if names:
            records = _renumbered(records, _classes(task, names, where))
    return _examples(task, split, records, where)


def _examples(
    task: Task, split: str, records: Iterator[dict[str, Any]], where: str
) -> Iterator[Example]:
    skipped = 0
    for number, row in enumerate(records):
        try:
            yield build_example(task, split, str(number), row)
        except BrokenRowError as error:
            if not task.skip_broken:
                raise UserError(f"{where}, row {number}: {error}") from None
            skipped += 1
        except RowError as error:
            raise UserError(f"{where}, row {number}: {error}") from None
    if skipped:
        _log.warning("%s: left out %d broken rows", where, skipped)


def hub_fingerprint(task: Task, splits: tuple[str, ...]) -> str:
    """SHA-256 of what the set is: its commit on the hub, or the bytes of a local folder.

    Where the folder lies does not count.
    """
    digest = hashlib.sha256()
    for split in splits:
        path, hub_split = _place(task, split)
        digest.update(f"{split}={hub_split}\n".encode())
    folder = Path(path)
    if folder.is_dir():
        files = sorted(found for found in folder.rglob("*") if found.is_file())
        parts = [f"{found.relative_to(folder)} {file_hash(found)}" for found in files]
    else:
        parts = [path, _commit(task)]
    digest.update("\n".join([*parts, str((task.hub or {}).get("name"))]).encode())
    return digest.hexdigest()


def _place(task: Task, split: str) -> tuple[str, str]:
    """Path of the set and its name for our split."""
    if task.hub is None:
        raise UserError(
            f"task {task.name} has no set on the hub; use data.source=files data.root=DIR, or "
            f"give task.{task.name}.hub a path, columns and splits"
        )
    splits = task.hub["splits"]
    if split not in splits:
        raise UserError(
            f"task {task.name}: {task.hub['path']} has no split {split}; "
            f"task.{task.name}.hub.splits names: {', '.join(splits)}"
        )
    return task.hub["path"], splits[split]


def _load(task: Task, hub_split: str) -> Any:
    """The rows of a split, memory-mapped."""
    import datasets

    assert task.hub is not None
    try:
        return datasets.load_dataset(task.hub["path"], task.hub.get("name"), split=hub_split)
    except Exception as error:  # datasets passes on errors of a dozen libraries
        raise _unreachable(task, error) from None


def set_commit(path: str, name: str | None) -> str:
    """The commit that a set is at; passes on any error of `datasets`."""
    import datasets

    return str(datasets.load_dataset_builder(path, name).hash)


def _commit(task: Task) -> str:
    assert task.hub is not None
    try:
        return set_commit(task.hub["path"], task.hub.get("name"))
    except Exception as error:  # as in _load
        raise _unreachable(task, error) from None


def _unreachable(task: Task, error: Exception) -> UserError:
    assert task.hub is not None
    name = " ".join(filter(None, (task.hub["path"], task.hub.get("name"))))
    reason = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
    return UserError(
        f"task {task.name}: the set {name} cannot be had from the hub ({reason}); without it use "
        "data.source=files data.root=DIR, or data.source=embedded, and "
        "teacher.pretrained=FOLDER where the teacher was to come from the hub as well"
    )


def _columns(task: Task, found: list[str], where: str) -> dict[str, str]:
    """Column of the set for each of our values; only the label or the answers may be absent."""
    assert task.hub is not None
    named: Mapping[str, str] = task.hub["columns"]
    keys = _KEYS.get(task.kind, _USUAL_KEYS)
    columns = {key: named.get(key, key) for key in keys if key != "text_b" or task.pair}
    for key, column in list(columns.items()):
        if column in found:
            continue
        if key not in ("label", "answers"):
            raise UserError(
                f"{where}: no column {column!r} for {key}; found: {', '.join(found)}; name them "
                f"in task.{task.name}.hub.columns"
            )
        del columns[key]
    return columns


def _classes(task: Task, names: list[str], where: str) -> dict[int, Any]:
    """The task's class for each of the set's, found by name: their orders may differ."""
    try:
        return {number: read_label(task, name) for number, name in enumerate(names)}
    except RowError:
        raise UserError(
            f"{where}: its classes are {names}, those of task {task.name} {list(task.labels)}; "
            f"`aliases` in the task's YAML says which is which"
        ) from None


def _renumbered(
    records: Iterator[dict[str, Any]], classes: Mapping[int, Any]
) -> Iterator[dict[str, Any]]:
    return (row | {"label": classes.get(row["label"])} for row in records)


def _records(rows: Any, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    chosen = rows.select_columns(list(columns.values()))
    for batch in chosen.iter(batch_size=_BATCH):
        for values in zip(*(batch[column] for column in columns.values()), strict=True):
            yield dict(zip(columns, values, strict=True))
