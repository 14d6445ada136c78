"""Stage: the rows of one task, read, checked, capped and split."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from hydra.utils import instantiate

from kdlight.data.rows import write_rows
from kdlight.tasks.reader import read
from kdlight.tasks.task import Task
from kdlight.types import Example, StageSpec, UserError


def run(spec: StageSpec) -> None:
    """Writes `train`, `selection`, `eval` and `unlabelled` as Arrow files.

    The selection rows, at most a tenth of train, choose the checkpoint and are seen by no
    network; with `selection=dev` the evaluation rows do that.
    """
    config, out = spec.config, Path(spec.out)
    task: Task = instantiate(spec.runtime["task"])
    train = _count(_rows(spec, task, "train", config["wanted_train"]))
    if train == 0:
        raise UserError(f"Task {task.name} has no training rows.")
    order = list(range(train))
    Random(f"rows {config['seed']}").shuffle(order)
    held = _held(task, train, config)
    rest = order[held:] if config["max_rows"] is None else order[held : held + config["max_rows"]]
    for name, chosen in (("selection", order[:held]), ("train", rest)):
        numbers = set(chosen)
        numbered = enumerate(_rows(spec, task, "train", config["wanted_train"]))
        write_rows(out / f"{name}.arrow", (row for number, row in numbered if number in numbers))
    evaluated = write_rows(
        out / "eval.arrow", _labelled(_rows(spec, task, config["eval_split"], config["eval_rows"]))
    )
    if evaluated == 0:
        raise UserError(
            f"Task {task.name} has no labelled rows in split {config['eval_split']}: "
            "choose another with data.eval_split=."
        )
    if config["selection"] == "dev":
        dev = _labelled(_rows(spec, task, "dev", config["eval_rows"]))
        write_rows(out / "selection.arrow", dev)
    write_rows(out / "unlabelled.arrow", _unlabelled(spec, task))


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


def _rows(spec: StageSpec, task: Task, split: str, count: int | None) -> Iterator[Example]:
    root, source = spec.runtime["root"], spec.config["source"]
    rows = read(task, source, root, split, count=count, seed=spec.config["seed"])
    return islice(rows, count)


def _unlabelled(spec: StageSpec, task: Task) -> Iterator[Example]:
    count = spec.config["unlabelled_rows"]
    if count == 0 or "unlabelled" not in spec.config["splits"]:
        return iter(())
    return _rows(spec, task, "unlabelled", count)


def _labelled(rows: Iterator[Example]) -> Iterator[Example]:
    return (row for row in rows if row.label is not None)


def _count(rows: Iterator[Example]) -> int:
    return sum(1 for _ in rows)
