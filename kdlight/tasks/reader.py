"""One way to the rows of a task, whatever their source, and to what identifies them."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from kdlight.tasks.embedded.script import in_characters
from kdlight.tasks.files import beside, companion, find_split, read_file, require_split
from kdlight.tasks.hub import hub_fingerprint, read_hub
from kdlight.tasks.lines import file_hash
from kdlight.tasks.task import Task
from kdlight.types import Example, UserError

SOURCES = ("embedded", "files", "hub")
EMBEDDED_TASKS = (
    *("afqmc", "chid", "chnsenticorp", "cmnli", "cmrc2018", "cola", "cr", "eprstmt", "mnli"),
    *("mrpc", "ocnli", "qnli", "qqp", "rte", "scitail", "snli", "squad1", "squad2", "sst2"),
    *("sst2_sent", "stsb", "wnli"),
)
"""The tasks of `conf/task` with an embedded generator."""


def read(
    task: Task,
    source: str,
    root: str | Path | None,
    split: str,
    count: int | None = None,
    seed: int = 0,
    lexicon: Sequence[int] | None = None,
    script: str | None = None,
) -> Iterator[Example]:
    """The rows of a split.

    A split that is not there is an error now; a row that cannot be used is one when its turn
    comes.

    Args:
        task: what to read.
        source: `embedded`, `files` or `hub`.
        root: folder of the tasks' folders, for `files`.
        split: `train`, `dev`, `test`, `unlabelled`, or another that the source has.
        count: at most so many rows, the first ones; `embedded` has no end and needs it.
        seed: which embedded rows; no other source uses it.
        lexicon: size of the embedded lexicon (see `generate.rows`); None: all of it.
        script: `characters` writes embedded rows with a character a word, and no spaces.
    """
    if source == "embedded":
        found = _embedded(task, split, count, seed, lexicon)
        return map(in_characters, found) if script else found
    if source == "files":
        found = read_file(task, require_split(task, _root(task, root), split), split)
    elif source == "hub":
        found = read_hub(task, split)
    else:
        raise _unknown(source)
    return islice(found, count)


def has_split(task: Task, source: str, root: str | Path | None, split: str) -> bool:
    """Whether the source has rows for a split of the task."""
    if source == "embedded":
        return split in ("train", "dev", "test", "unlabelled")
    if source == "files":
        return find_split(task, _root(task, root), split) is not None
    return split in (task.hub or {}).get("splits", ())


def source_fingerprint(
    task: Task,
    source: str,
    root: str | Path | None,
    splits: Sequence[str],
    seed: int = 0,
    lexicon: Sequence[int] | None = None,
    script: str | None = None,
) -> str:
    """SHA-256 of what decides the rows of these splits; their place does not count."""
    if source == "embedded":
        from kdlight.tasks.embedded import generate

        parts = [source, _kind(task), f"{generate.VERSION}", f"{seed}", *splits]
        parts += [f"lexicon {list(lexicon)}"] if lexicon else []
        parts += [f"script {script}"] if script else []
        meaning: tuple[object, ...] = task.embedded_labels
    elif source == "files":
        parts, meaning = [source], (task.columns, task.aliases)
        for split in splits:
            path = require_split(task, _root(task, root), split)
            other = companion(task, path) if split == "train" else None
            parts += [split, file_hash(path), file_hash(other) if other else ""]
            parts += map(file_hash, beside(task, path))
    elif source == "hub":
        parts = [source, hub_fingerprint(task, tuple(splits))]
        meaning = (task.hub, task.aliases)
    else:
        raise _unknown(source)
    common = (task.kind, task.pair, task.labels, task.grade_range, task.skip_broken)
    parts.append(json.dumps([common, meaning], sort_keys=True))
    parts += [task.layout] if task.layout else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _embedded(
    task: Task, split: str, count: int | None, seed: int, lexicon: Sequence[int] | None
) -> Iterator[Example]:
    from kdlight.tasks.embedded import generate, grammar

    kind = _kind(task)
    if count is None:
        raise UserError(f"task {task.name}: embedded rows have no end; say how many are wanted")
    found = generate.rows(kind, split, count, seed, lexicon or grammar.FULL)
    if not task.embedded_labels:
        return found
    return (_mapped(row, task.embedded_labels) for row in found)


def _mapped(row: Example, labels: tuple[int, ...]) -> Example:
    """A row with the task's class in place of the generator's."""
    return row if row.label is None else replace(row, label=labels[int(row.label)])


def _kind(task: Task) -> str:
    if task.embedded is None:
        raise UserError(
            f"task {task.name} has no embedded rows; tasks that have: "
            f"{', '.join(EMBEDDED_TASKS)}; or use data.source=files data.root=DIR"
        )
    return task.embedded


def _root(task: Task, root: str | Path | None) -> Path:
    if root is None or not str(root):
        raise UserError(
            f"task {task.name}: data.source=files needs data.root=DIR, the folder that holds "
            f"{task.folder}"
        )
    return Path(root)


def _unknown(source: str) -> UserError:
    return UserError(f"data.source={source} is unknown; valid: {', '.join(SOURCES)}")
