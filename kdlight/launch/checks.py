"""What is refused before time is spent on it."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.schema import AUGMENTATION_KEYS, check_keys, nearest
from kdlight.tasks.checks import check_taken
from kdlight.tasks.task import Task
from kdlight.types import UserError

log = logging.getLogger("kdlight")
KINDS = ("word_pieces", "characters")  # of vocabularies that `data.pieces` makes
LEAST_PIECES = 10  # the special ones, and something to say
ROUNDED = 1e-3  # percent: scores are noted in single precision


def check_task_keys(name: str, node: Mapping[str, Any]) -> None:
    """Refuses a task's YAML with a key that tasks do not have; classes of others are not judged.

    Raises:
        UserError: with the nearest key, or all of them.
    """
    if node["_target_"] != f"{Task.__module__}.{Task.__qualname__}":
        return
    valid = list(Task.__dataclass_fields__)
    for key in node:
        if key not in valid and key != "_target_":
            hint = nearest(key, valid) or f"; valid: {', '.join(valid)}"
            raise UserError(f"task {name}: its YAML has an unknown key {key}{hint}")


def check_task_names(tasks: Mapping[str, Task]) -> None:
    """Refuses two keys for one task, whose folders and messages would be the same.

    Raises:
        UserError: with both keys and the remedy; or with a key that no task can have.
    """
    seen: dict[str, str] = {}
    for key, task in tasks.items():
        check_taken("A task", key)
        if task.name in seen:
            raise UserError(
                f"The tasks {seen[task.name]} and {key} have one name, {task.name}: give one of "
                f"them another (task.{key}.name=)."
            )
        seen[task.name] = key


def check_made_tokenizer(made: Mapping[str, Any]) -> None:
    """Refuses a recipe that no tokenizer can be made by.

    Raises:
        UserError: with the key and what it may hold.
    """
    node = "teacher.tokenizer"
    check_keys(node, made, ("kind", "size", "lowercase"))
    if made.get("kind") not in KINDS:
        raise UserError(f"{node}.kind={made.get('kind')} must be {' or '.join(KINDS)}.")
    if type(made.get("size")) is not int or made["size"] < LEAST_PIECES:
        raise UserError(
            f"{node}.size={made.get('size')} must be a whole number of {LEAST_PIECES} or more; "
            "take thousands."
        )
    if not isinstance(made.get("lowercase", True), bool):
        raise UserError(f"{node}.lowercase={made['lowercase']} must be true or false.")


def check_kinds(tasks: Mapping[str, Task], parts: Mapping[str, Any]) -> None:
    """Refuses an arm whose parts cannot work on a span or a choice task.

    Raises:
        UserError: with the task, the part and the remedy.
    """
    special = {name: task.special["kind"] for name, task in tasks.items() if task.special}
    for name, kind in special.items():
        if kind == "span" and parts["student"].get("embeddings"):
            raise UserError(
                f"Task {name} asks for a span of its context, for which this student gives no "
                "vector a token: choose a Transformer, such as student=transformer3."
            )
        if parts["augmentation"]["n_iter"] and set(parts["augmentation"]) - {*AUGMENTATION_KEYS}:
            raise UserError(
                f"Task {name} is a {kind} task, whose rows cannot be augmented: their answers "
                "would not fit the new text; set 'augmentation=[]'."
            )
        learns = parts["method"]["learns_from"] == "teacher"
        if learns and parts["teacher"].get("source") != "live":
            raise UserError(
                f"Task {name} is a {kind} task, whose logits differ in number from row to row and "
                "are not stored: set teacher.source=live."
            )


def check_teacher_floor(folder: Path, title: str, floor: str) -> None:
    """Refuses a teacher that is no better than always giving the commonest answer.

    Of several tasks the mean decides, and those at chance are named: few rows of a hard one, such
    as CoLA, need not stop the others.

    Args:
        folder: the teacher's artifact.
        title: how messages call it.
        floor: `error` refuses, `warn` only says so.

    Raises:
        UserError: with both scores and the remedy.
    """
    found = json.loads((folder / "floor.json").read_text())
    tasks = found.get("tasks", {})
    by_name = {f" on {t}": about for t, about in tasks.items()} if len(tasks) > 1 else {"": found}
    low = [
        f"{about['selection']:.1f}{where} (that: {about['majority']:.1f})"
        for where, about in by_name.items()
        if about["selection"] < about["majority"] + ROUNDED
    ]
    refused = found["selection"] < found["majority"] + ROUNDED
    if refused and not low:  # it was made before tasks were noted, or is low by rounding
        low = [f"{found['selection']:.1f} (that: {found['majority']:.1f})"]
    if not low:
        return
    message = (
        f"{title} is no better than the commonest answer on the selection rows: it scores "
        f"{', '.join(low)}; train it longer (teacher.max_epochs), at another rate "
        "(teacher.optimizer.lr) or on more rows (data.max_rows)"
    )
    if refused and floor == "error":
        raise UserError(f"{message}, or go on all the same with teacher.floor=warn.")
    log.warning("%s.", message)
