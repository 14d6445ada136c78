"""Stage: the rows of one task, read, checked, capped and split."""

import json
import logging
from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from hydra.utils import instantiate

from kdlight.data.few_rows import FewRows
from kdlight.data.rows import copy_rows, read_rows, write_rows
from kdlight.tasks.reader import read
from kdlight.tasks.spans import Settled, settled
from kdlight.tasks.task import Task
from kdlight.types import Example, StageSpec, UserError

log = logging.getLogger("kdlight")
NAMED = 5  # rows that a message names
Facts = dict[str, Settled]  # what was met in the answers, by the part that is written


def run(spec: StageSpec) -> None:
    """Writes `train`, `selection`, `eval`, `eval_<name>` and `unlabelled` as Arrow files.

    The selection rows, at most a tenth of train, choose the checkpoint and are seen by no
    network; with `selection=dev` the evaluation rows do that. Where `eval_split` is `held_out`,
    `eval` is another tenth of train. Of a split with more than `eval_rows` a sample is reported,
    the same for every seed, since real files are often ordered. Answers of a span task that are
    not where they say are counted in `facts.json`, and rows named that are left out for it; so
    are classes of which a draw of few rows finds fewer than it wants.
    """
    config, out = spec.config, Path(spec.out)
    task: Task = instantiate(spec.runtime["task"])
    facts: Facts = {}
    whole = out / "whole.arrow"
    rows = _rows(spec, task, "train", config["wanted_train"])
    train = write_rows(whole, _settled(task, "train", rows, "train", facts))
    if train == 0:
        raise UserError(f"Task {task.name} has no training rows.")
    order = list(range(train))
    Random(f"rows {config['seed']}").shuffle(order)
    held, reported = _held(task, train, config), _reported(task, train, config)
    rest, chosen = order[held + reported :][: config["max_rows"]], order[:held]
    drawn = FewRows(task, whole, config["few"]) if config.get("few") else None
    if drawn:
        rest, chosen = drawn.of("train", rest), drawn.of("selection", chosen)
    copy_rows(whole, out / "selection.arrow", chosen)
    copy_rows(whole, out / "eval.arrow", order[held : held + reported])
    copy_rows(whole, out / "train.arrow", rest)
    whole.unlink()
    if not reported:
        _write_labelled(spec, task, config["eval_split"], "eval", facts)
    for name, split in config.get("more_eval", {}).items():
        _write_labelled(spec, task, split, f"eval_{name}", facts)
    if config["selection"] == "dev":
        _write_labelled(spec, task, "dev", "selection", facts)
    write_rows(out / "unlabelled.arrow", _unlabelled(spec, task))
    _tell(spec.runtime["title"], facts)
    told: dict[str, Any] = {split: asdict(found) for split, found in facts.items()}
    if drawn:
        drawn.tell(spec.runtime["title"])
        told |= {"short": drawn.short} if drawn.short else {}
    if told:
        (out / "facts.json").write_text(json.dumps(told))


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


def _write_labelled(spec: StageSpec, task: Task, split: str, name: str, facts: Facts) -> None:
    """The labelled rows of a split, or as many of them as `eval_rows`, in their order."""
    out, count = Path(spec.out), spec.config["eval_rows"]
    whole = out / "whole.arrow"
    rows = _rows(spec, task, split, count if spec.config["source"] == "embedded" else None)
    total = write_rows(whole, (row for row in rows if row.label is not None))
    if not total:
        raise UserError(
            f"Task {task.name} has no labelled rows in split {split}: "
            "choose another with data.eval_split=."
        )
    keep: Container[int] = range(total)
    if count and count < total:
        keep = set(Random("reported rows").sample(range(total), count))
    kept = (row for number, row in enumerate(read_rows(whole)) if number in keep)
    write_rows(out / f"{name}.arrow", _settled(task, split, kept, name, facts))
    whole.unlink()


def _rows(spec: StageSpec, task: Task, split: str, count: int | None) -> Iterator[Example]:
    root, source = spec.runtime["root"], spec.config["source"]
    seed, language = spec.config["seed"], spec.runtime["language"]
    return read(task, source, root, split, count=count, seed=seed, **language)


def _settled(
    task: Task, split: str, rows: Iterator[Example], name: str, facts: Facts
) -> Iterator[Example]:
    """The rows, with answers of a span task where they say."""
    if task.kind != "span":
        return rows
    return settled(rows, split, facts.setdefault(name, Settled()))


def _tell(title: str, facts: Facts) -> None:
    """Says which answers were not where they say."""
    for split, found in facts.items():
        if found.moved or found.nowhere:
            log.warning(
                "%s, %s: %d answers were not where they say and were found elsewhere, %d stand "
                "nowhere in their context, or more than once%s.",
                title,
                split,
                found.moved,
                found.nowhere,
                f"; left out: {', '.join(found.left_out[:NAMED])}" if found.left_out else "",
            )


def _unlabelled(spec: StageSpec, task: Task) -> Iterator[Example]:
    count = spec.config["unlabelled_rows"]
    if count == 0 or "unlabelled" not in spec.config["splits"]:
        return iter(())
    return _rows(spec, task, "unlabelled", count)
