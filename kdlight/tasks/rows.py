"""From the raw values of a row to an Example: the same checks for every source."""

import math
from collections.abc import Mapping
from typing import Any

from kdlight.tasks.task import Task
from kdlight.tasks.values import BrokenRowError, RowError, answers, chosen, options, text
from kdlight.types import Example

UNLABELLED = "unlabelled"
_NO_LABEL = (None, "", "-", -1, "-1")
_MAX_NAMES = 20


def build_example(task: Task, split: str, name: str, row: Mapping[str, Any]) -> Example:
    """Check the values of a row and make an Example of them.

    They are `text_a`, `text_b` and `label`; of a span task `answers` in place of a label, of a
    choice task `options` as well.

    Args:
        task: says which values there are and what labels mean.
        split: decides whether a label must be there; begins the id.
        name: end of the id, unique in the split.
        row: raw values; labels may be names, class numbers or grades.

    Raises:
        RowError: the row cannot be used; the text says why and what was expected.
    """
    _check_keys(task, split, row)
    whole: dict[str, Any] = {"text_a": text(row, "text_a")}
    if task.pair:  # of a context every character counts: answers are found by their number
        whole["text_b"] = text(row, "text_b", strip=task.kind != "span")
    elif row.get("text_b"):
        raise RowError(f"there is a text_b, but task {task.name} has one text a row")
    parts = PARTS[task.kind](task, split, row)
    if parts["label"] is None and not may_lack_labels(split):
        raise BrokenRowError(f"no label; expected {expected_labels(task)}")
    source = UNLABELLED if split == UNLABELLED else "gold"
    return Example(f"{split}-{name}", **whole, **parts, source=source)


def _labelled(task: Task, split: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The class or the grade."""
    return {"label": None if split == UNLABELLED else read_label(task, row.get("label"))}


def _answered(task: Task, split: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The answers, and whether there is one; nothing where that is not known."""
    del task
    found = () if split == UNLABELLED or row.get("answers") is None else answers(row["answers"])
    if split == UNLABELLED or "answers" not in row:
        return {"label": None}
    hidden = not found and may_lack_labels(split) and not row.get("is_impossible")
    return {"label": None if hidden else int(bool(found)), "answers": found}


def _chosen(task: Task, split: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The options, and which of them is right."""
    del task
    found = options(row["options"])
    label = None if split == UNLABELLED else chosen(row.get("label"), found)
    return {"label": label, "options": found}


PARTS = {
    "classification": _labelled,
    "regression": _labelled,
    "span": _answered,
    "choice": _chosen,
}


def _check_keys(task: Task, split: str, row: Mapping[str, Any]) -> None:
    wanted = ["text_a", *(["text_b"] if task.pair else [])]
    wanted += ["options"] if task.kind == "choice" else []
    wanted += [] if may_lack_labels(split) else ["answers" if task.kind == "span" else "label"]
    for key in wanted:
        if key not in row:
            raise RowError(
                f"{key} is missing; the row has: {', '.join(map(str, row))}; " + name_it(key)
            )


def name_it(key: str) -> str:
    """How a user says what holds the value of `key`."""
    return f"`columns: {{{key}: NAME}}` in the task's YAML says what holds it"


def may_lack_labels(split: str) -> bool:
    """Whether rows of this split need no gold label."""
    return split == UNLABELLED or split.startswith("test")


def read_label(task: Task, value: Any) -> int | float | None:
    """The class number or grade that a raw label stands for; None where there is none."""
    if task.kind == "regression":
        return _grade(task, value)
    name = task.aliases.get(value, value) if isinstance(value, str) else value
    if isinstance(name, str) and name in task.labels:
        return task.labels.index(name)
    if value is None or isinstance(value, (int, str)):
        if value in _NO_LABEL:
            return None
        digits = str(value)
        if len(digits) < 9 and digits.isdecimal() and int(digits) < len(task.labels):
            return int(digits)
    raise RowError(f"label {value!r:.60} is not in the set; expected {expected_labels(task)}")


def expected_labels(task: Task) -> str:
    """The labels of a task, in words."""
    if task.kind == "regression":
        return "a grade from {:g} to {:g}".format(*task.grade_range)
    if task.kind not in ("classification", "regression"):
        return {"span": "answers", "choice": "the right option or its number"}[task.kind]
    names = ", ".join(task.labels[:_MAX_NAMES])
    more = ", …" if len(task.labels) > _MAX_NAMES else ""
    return f"one of {names}{more} or a class number from 0 to {len(task.labels) - 1}"


def _grade(task: Task, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        grade = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        grade = math.nan
    low, high = task.grade_range
    if grade == -1 < low:  # how the hub's test splits say that there is none
        return None
    if not low <= grade <= high:
        raise RowError(f"grade {value!r:.60} is not allowed; expected {expected_labels(task)}")
    return grade
