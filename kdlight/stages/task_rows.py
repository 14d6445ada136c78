"""Stage: the rows of one task, read, checked, capped and split."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from hydra.utils import instantiate

from kdlight.data.rows import copy_rows, read_rows, write_rows
from kdlight.tasks.reader import read
from kdlight.tasks.task import Task
from kdlight.types import Example, StageSpec, UserError


def run(spec: StageSpec) -> None:
    """Writes `train`, `selection`, `eval`, `eval_<name>` and `unlabelled` as Arrow files.

    The selection rows, at most a tenth of train, choose the checkpoint and are seen by no
    network; with `selection=dev` the evaluation rows do that. Where `eval_split` is `held_out`,
    `eval` is another tenth of train.
    """
    config, out = spec.config, Path(spec.out)
    task: Task = instantiate(spec.runtime["task"])
    whole = out / "whole.arrow"
    train = write_rows(whole, _rows(spec, task, "train", config["wanted_train"]))
    if train == 0:
        raise UserError(f"Task {task.name} has no training rows.")
    order = list(range(train))
    Random(f"rows {config['seed']}").shuffle(order)
    held, reported = _held(task, train, config), _reported(task, train, config)
    rest, chosen = order[held + reported :][: config["max_rows"]], order[:held]
    if few := config.get("few"):
        rest, chosen = (_few(task, whole, part, few) for part in (rest, chosen))
    copy_rows(whole, out / "selection.arrow", chosen)
    copy_rows(whole, out / "eval.arrow", order[held : held + reported])
    copy_rows(whole, out / "train.arrow", rest)
    whole.unlink()
    if not reported:
        _write_labelled(spec, task, config["eval_split"], "eval")
    for name, split in config.get("more_eval", {}).items():
        _write_labelled(spec, task, split, f"eval_{name}")
    if config["selection"] == "dev":
        _write_labelled(spec, task, "dev", "selection")
    write_rows(out / "unlabelled.arrow", _unlabelled(spec, task))


def _few(task: Task, whole: Path, numbers: list[int], few: Mapping[str, int]) -> list[int]:
    """Some of the rows, `few["rows"]` of each class (or in all, for a task without classes)."""
    order = list(numbers)
    Random(f"few {few['draw']}").shuffle(order)
    labels = [int(row.label or 0) for row in read_rows(whole)] if task.labels else []
    left = dict.fromkeys(range(len(task.labels) or 1), few["rows"])
    found = []
    for number in order:
        kind = labels[number] if labels else 0
        if left.get(kind, 0):
            left[kind] -= 1
            found.append(number)
    return found


def _held(task: Task, train: int, config: Mapping[str, Any]) -> int:
    """How many train rows choose the checkpoint."""
    if config["selection"] == "dev":
        return 0
    if train < 2 or config["selection_rows"] < 1:
        raise UserError(
            f"Task {task.name} has {train} training rows and data.selection_rows="
            f"{config['selection_rows']}: some are needed to learn from and some to choose the "
            "checkpoint by; or choose it on the dev rows with selection=dev."
        )
    return max(1, min(config["selection_rows"], train // 10))


def _reported(task: Task, train: int, config: Mapping[str, Any]) -> int:
    """How many train rows are held out to be reported."""
    if config["eval_split"] != "held_out":
        return 0
    if train < 3:
        raise UserError(
            f"Task {task.name} has {train} training rows and no dev rows: too few to hold some out."
        )
    return max(1, min(config["eval_rows"] or train, train // 10))


def _write_labelled(spec: StageSpec, task: Task, split: str, name: str) -> None:
    rows = _rows(spec, task, split, spec.config["eval_rows"])
    labelled = (row for row in rows if row.label is not None)
    if not write_rows(Path(spec.out) / f"{name}.arrow", labelled):
        raise UserError(
            f"Task {task.name} has no labelled rows in split {split}: "
            "choose another with data.eval_split=."
        )


def _rows(spec: StageSpec, task: Task, split: str, count: int | None) -> Iterator[Example]:
    root, source = spec.runtime["root"], spec.config["source"]
    seed, language = spec.config["seed"], spec.runtime["language"]
    rows = read(task, source, root, split, count=count, seed=seed, **language)
    return islice(rows, count)


def _unlabelled(spec: StageSpec, task: Task) -> Iterator[Example]:
    count = spec.config["unlabelled_rows"]
    if count == 0 or "unlabelled" not in spec.config["splits"]:
        return iter(())
    return _rows(spec, task, "unlabelled", count)
