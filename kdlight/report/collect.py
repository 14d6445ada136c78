"""Finished runs from their folders, and which of them differ in nothing but the seed."""

import glob
import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from kdlight.metrics.answers import COMPARE, best_match
from kdlight.report.scores import METRICS, score
from kdlight.types import UserError

FIRST, LAST = ("teacher", "baseline"), ("student",)
# What two runs may differ in and still be the same experiment.
APART = ("seed", "command", "outputs", "logger", "launcher", "job", "report", "experiment_about")
ALIKE = ("seed=", "hydra.", "outputs=", "logger=")  # overrides that tell no runs apart
DRAW = re.compile(r"_\d+rows_\d+$")  # ends the name of a task learnt from few rows
TOLERANCE = 1e-3  # points between a stored score and the same computed here: single precision


@dataclass(frozen=True)
class Run:
    """A run folder: its result, its configuration and its predictions."""

    folder: Path
    result: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def seed(self) -> int:
        """The student's."""
        return int(self.result["seed"])

    @property
    def identity(self) -> str:
        """The same for runs that differ in nothing but the seed."""
        kept = {key: value for key, value in self.config.items() if key not in APART}
        text = json.dumps(kept, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def arms(self) -> dict[str, Mapping[str, Any]]:
        """What the result says of each network that was scored, the method's student last."""
        found = {name: self.result[name] for name in FIRST if self.result.get(name)}
        found |= self.result.get("variants") or {}
        return found | {name: self.result[name] for name in LAST if self.result.get(name)}

    def scores(self, arm: str) -> Mapping[str, Mapping[str, float]]:
        """Stored scores of a network, metric by metric."""
        found: Mapping[str, Mapping[str, float]] = self.arms[arm]["scores"]
        return found

    @cached_property
    def predictions(self) -> dict[str, dict[str, NDArray]]:
        """By task: `id`, `gold` [rows], and each network's outputs [rows classes].

        Rows with fewer options than others have -inf in place of those that they lack. Of a span
        task `gold` is NaN, and a network's outputs are what its answers are worth: exact match
        and F1, [rows 2].
        """
        files: Mapping[str, str] = self.result["predictions"]
        return {
            task: _read(self.folder / file, self._node(task).get("answers", "words"))
            for task, file in files.items()
        }

    def _node(self, task: str) -> Mapping[str, Any]:
        """The YAML of a task; a draw of few rows has that of its task."""
        nodes: Mapping[str, Any] = self.config.get("task") or {}
        return nodes.get(task) or nodes.get(DRAW.sub("", task)) or {}

    def check(self) -> None:
        """Holds every stored score against the stored predictions.

        Raises:
            UserError: if they do not agree.
        """
        for arm in self.arms:
            for task, metrics in self.scores(arm).items():
                for metric, stored in metrics.items():
                    found = self.computed(arm, task, metric)
                    if found is not None and abs(found - stored) > TOLERANCE:
                        raise UserError(
                            f"{self.folder}: {metric} of {arm} on {task} is {stored:.4f} in "
                            f"result.json, but {found:.4f} by the predictions; one of the two was "
                            "changed. Leave this run out (report.runs=) or make it again."
                        )

    def computed(self, arm: str, task: str, metric: str) -> float | None:
        """A score from the predictions; None for a second evaluation set, whose rows are mixed."""
        rows = self.predictions[task]
        if arm not in rows or metric not in METRICS:
            return None
        if any(name not in METRICS for name in self.scores(arm)[task]):
            return None  # rows of several sets lie in one file
        return float(score(metric, rows["gold"], rows[arm])[0])


def macro(scores: Mapping[str, Mapping[str, float]], tasks: Iterable[str] | None = None) -> float:
    """The mean over tasks (all, or those named) of the mean of a task's metrics."""
    chosen = scores if tasks is None else tasks
    return float(np.mean([np.mean(list(scores[task].values())) for task in chosen]))


def _read(path: Path, answers: str) -> dict[str, NDArray]:
    with path.open() as file:
        lines = [json.loads(line) for line in file]
    names = [name for name in lines[0] if name not in ("id", "gold")]
    ids, gold = np.array([line["id"] for line in lines]), [line["gold"] for line in lines]
    if isinstance(gold[0], list):
        compare = COMPARE[answers]
        worth = {
            name: np.array([best_match(line[name], line["gold"], compare) for line in lines])
            for name in names
        }
        return {"id": ids, "gold": np.full(len(lines), np.nan), **worth}
    found = {name: _even([line[name] for line in lines]) for name in names}
    return {"id": ids, "gold": np.array(gold), **found}


def _even(outputs: Sequence[Sequence[float]]) -> NDArray:
    """Outputs as one array, [rows classes]."""
    width = max(map(len, outputs))
    return np.array([[*row, *[-np.inf] * (width - len(row))] for row in outputs])


def find_runs(pattern: str) -> list[Run]:
    """The finished runs in the folders that match, oldest first, their scores checked.

    Raises:
        UserError: if there is none, or a file of one cannot be read or does not agree.
    """
    paths = [Path(name) for name in glob.glob(pattern, recursive=True)]
    folders = [path for path in paths if (path / "result.json").is_file()]
    found = []
    for folder in sorted(folders, key=lambda path: (path / "result.json").stat().st_mtime):
        try:
            result = json.loads((folder / "result.json").read_text())
            config = yaml.safe_load((folder / "config.yaml").read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: its result cannot be read ({error}).") from error
        files = (result.get("predictions") or {}).values()
        if gone := [name for name in files if not (folder / name).is_file()]:
            raise UserError(
                f"{folder}: {gone[0]} is missing, by which its scores are computed again. Leave "
                "this run out (report.runs=) or make it again."
            )
        if result.get("student") and files:
            found.append(Run(folder, result, config))
    if not found:
        raise UserError(
            f"report.runs={pattern}: no finished run with a student there; expected folders such "
            "as 'outputs/runs/kd_bilstm/*' or, of sweeps, 'outputs/runs/kd_bilstm/*/*'."
        )
    for run in found:
        run.check()
    return found


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed only, one a seed, in the order of the seeds."""

    title: str
    runs: tuple[Run, ...]
    special: str = ""  # the overrides that tell it from other groups

    @property
    def arms(self) -> list[str]:
        """Networks that every run has."""
        return [arm for arm in self.runs[0].arms if all(arm in run.arms for run in self.runs)]

    @property
    def metrics(self) -> list[tuple[str, str]]:
        """(task, metric) in the order of the tasks."""
        return [(task, m) for task, found in self.runs[0].scores("student").items() for m in found]

    def values(self, arm: str, task: str, metric: str) -> list[float]:
        """A score a seed; nothing where the network has not learnt the task."""
        found = [run.scores(arm).get(task, {}).get(metric) for run in self.runs]
        return [value for value in found if value is not None]

    def macro(self, arm: str) -> list[float]:
        """The mean over tasks of the mean of a task's metrics, a value a seed."""
        return [macro(run.scores(arm)) for run in self.runs]

    @property
    def teachers(self) -> int:
        """How many different teachers the runs have."""
        seen = {
            json.dumps(run.arms["teacher"]["scores"]) for run in self.runs if "teacher" in run.arms
        }
        return len(seen)


def groups(runs: Iterable[Run]) -> list[Group]:
    """Runs by what they have in common; of two with the same seed the newer counts."""
    found: dict[str, dict[int, Run]] = {}
    for run in runs:
        found.setdefault(run.identity, {})[run.seed] = run
    alike = [[by_seed[seed] for seed in sorted(by_seed)] for by_seed in found.values()]
    common = set.intersection(*(_words(own[0]) for own in alike))
    made = []
    for own in alike:
        special = " ".join(sorted(_words(own[0]) - common)) if len(alike) > 1 else ""
        title = _title(own[0]) + (f" ({special})" if special else "")
        made.append(Group(title, tuple(own), special))
    return made


def _title(run: Run) -> str:
    """Experiment, student, scale and tasks."""
    result = run.result
    name = f"{result['experiment']}, {result['student']['name']}, {result['scale']}"
    return f"{name}, {'+'.join(run.scores('student'))}"


def _words(run: Run) -> set[str]:
    words = [word for word in shlex.split(run.result["command"])[3:] if "=" in word]
    return {word for word in words if not word.lstrip("+").startswith(ALIKE)}
