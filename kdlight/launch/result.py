"""`result.json`: everything a report or a later check needs to know of one job."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from operator import eq
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from kdlight.launch.environment import git_commit, hardware, versions
from kdlight.launch.splits import Splits
from kdlight.measure.curves import selection_score

Scores = dict[str, dict[str, float]]


def head(config: Mapping[str, Any], splits: Iterable[Splits]) -> dict[str, Any]:
    """What a job was, and what it ran on."""
    return {
        "schema_version": 1,
        "experiment": config["name"],
        "job": config["job"],
        "method": method_name(config["method"]),
        "scale": config["scale"],
        "seed": config["seed"],
        "teacher_seed": config["teacher"]["seed"],
        "data_source": config["data"]["source"],
        "selection": config["selection"],
        "split": "+".join(sorted({each.reported for each in splits})),
        "command": config["command"],
        "git_commit": git_commit(),
        "versions": versions(),
        "hardware": hardware(),
    }


def method_name(method: Mapping[str, Any]) -> str:
    """What was done: fine-tuning, whatever was chosen, where gold labels are what is learnt."""
    return "finetune" if method["learns_from"] == "gold" else str(method["name"])


def merge_scores(folders: Iterable[Path]) -> tuple[Scores, dict[str, int]]:
    """Scores of all tasks, and the size of all their networks together, from evaluations."""
    found = [json.loads((folder / "scores.json").read_text()) for folder in folders]
    scores = {task: values for part in found for task, values in part["scores"].items()}
    sizes = [part["parameters"] for part in found]
    return scores, {key: sum(size[key] for size in sizes) for key in sizes[0]}


def one_body(folders: Iterable[Path]) -> tuple[Scores, dict[str, int]]:
    """Scores of all tasks, and the size of the largest of their networks."""
    folders = list(folders)
    scores, _ = merge_scores(folders)
    sizes = [json.loads((f / "scores.json").read_text())["parameters"] for f in folders]
    return scores, max(sizes, key=lambda size: size["params"])


def macro(scores: Mapping[str, Mapping[str, float]]) -> float:
    """Mean over tasks of the mean of a task's metrics, in percent."""
    return fmean(fmean(values.values()) for values in scores.values())


def selection_macro(folders: Iterable[Path]) -> float:
    """The best macro on the selection rows, in percent; of several networks their mean.

    Args:
        folders: of trained networks, with their curves.
    """
    return fmean(map(selection_score, folders))


def agreement(teacher: Sequence[Any], student: Sequence[Any]) -> float:
    """How often both networks decide alike, or the correlation of their grades, in percent.

    Args:
        teacher: of each row the answer's text, or the logits (as many as it has options).
        student: the same of the other network.
    """
    if isinstance(teacher[0], str):
        return 100 * fmean(map(eq, teacher, student))
    if len(teacher[0]) > 1:
        decided = ([int(np.argmax(logits)) for logits in outputs] for outputs in (teacher, student))
        return 100 * fmean(map(eq, *decided))
    first, second = np.array(teacher), np.array(student)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(100 * np.corrcoef(first[:, 0], second[:, 0])[0, 1])


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """The lines of a predictions file."""
    with path.open() as file:
        return [json.loads(line) for line in file]


def join_predictions(parts: Mapping[str, Path], out: Path) -> dict[str, list[Any]]:
    """Writes id, gold, set (where there are several) and every network's output a line.

    Returns:
        The outputs by network.

    Raises:
        ValueError: if the networks were scored on different rows.
    """
    read = {name: read_predictions(path) for name, path in parts.items()}
    with out.open("w") as file:
        for lines in zip(*read.values(), strict=True):
            if len({line["id"] for line in lines}) != 1:
                raise ValueError(f"{out.name}: the networks were scored on different rows")
            joined = {key: lines[0][key] for key in ("id", "gold", "set") if key in lines[0]}
            joined |= {name: line["output"] for name, line in zip(read, lines, strict=True)}
            file.write(json.dumps(joined) + "\n")
    return {name: [line["output"] for line in lines] for name, lines in read.items()}


def join_curves(parts: Mapping[str, Path], out: Path) -> None:
    """Puts the curves of all networks into one file, the network's name first."""
    with out.open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("network", "step", "metric", "value"))
        for name, path in parts.items():
            with path.open(newline="") as own:
                lines.writerows((name, *line) for line in islice(csv.reader(own), 1, None))
