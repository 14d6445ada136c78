"""From the raw values of a row to an Example: the same checks for every source."""

import math
from collections.abc import Mapping
from typing import Any

from kdlight.tasks.task import Task
from kdlight.types import Example

UNLABELLED = "unlabelled"
_NO_LABEL = (None, "", "-", -1, "-1")
_MAX_NAMES = 20


class RowError(Exception):
    """What is wrong with a row; the reader adds the file and the line."""


class BrokenRowError(RowError):
    """A flaw that official sets are known to have; a task may choose to skip such rows."""


def build_example(task: Task, split: str, name: str, row: Mapping[str, Any]) -> Example:
    """Check the values `text_a`, `text_b` and `label` of a row and make an Example of them.

    Args:
        task: says which values there are and what labels mean.
        split: decides whether a label must be there; begins the id.
        name: end of the id, unique in the split.
        row: raw values; labels may be names, class numbers or grades.

    Raises:
        RowError: the row cannot be used; the text says why and what was expected.
    """
    _check_keys(task, split, row)
    text_a = _text(row, "text_a")
    text_b = _text(row, "text_b") if task.pair else None
    if not task.pair and row.get("text_b") is not None:
        raise RowError(f"there is a text_b, but task {task.name} has one text a row")
    label = None if split == UNLABELLED else read_label(task, row.get("label"))
    if label is None and not may_lack_labels(split):
        raise BrokenRowError(f"no label; expected {expected_labels(task)}")
    source = UNLABELLED if split == UNLABELLED else "gold"
    return Example(f"{split}-{name}", text_a, text_b, label, source)


def _check_keys(task: Task, split: str, row: Mapping[str, Any]) -> None:
    wanted = ["text_a", *(["text_b"] if task.pair else [])]
    wanted += [] if may_lack_labels(split) else ["label"]
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
    names = ", ".join(task.labels[:_MAX_NAMES])
    more = ", …" if len(task.labels) > _MAX_NAMES else ""
    return f"one of {names}{more} or a class number from 0 to {len(task.labels) - 1}"


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        raise BrokenRowError(f"{key} is missing; expected a text")
    if not isinstance(value, str):
        raise RowError(f"{key} is {value!r:.60}; expected a text")
    text = value.strip()
    if not text:
        raise BrokenRowError(f"{key} is empty; expected a text")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RowError(f"{key} holds half a surrogate pair; expected valid Unicode") from None
    return text


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
