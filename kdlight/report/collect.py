"""Finished runs from their folders, their scores held against their predictions."""

import glob
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from kdlight.metrics.answers import COMPARE, best_match
from kdlight.report.scores import METRICS, score
from kdlight.report.settings import check_put_aside, put_aside
from kdlight.types import UserError

FIRST, LAST = ("teacher", "baseline"), ("student",)
DRAW = re.compile(r"_\d+rows_\d+$")  # ends the name of a task learnt from few rows
DECIDE_ROWS = ("source", "root", "seed", "eval_rows", "eval_split")
RESULT = "result.json"
TOLERANCE = 1e-3  # points between a stored score and the same computed here: single precision


@dataclass(frozen=True)
class Run:
    """A run folder: its result, its configuration and its predictions.

    Args:
        folder: of the run.
        result: as in `result.json`.
        config: as in `config.yaml`, without what is put aside.
        aside: settings that tell no runs apart, by their whole key.
    """

    folder: Path
    result: Mapping[str, Any]
    config: Mapping[str, Any]
    aside: Mapping[str, str] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The student's."""
        return int(self.result["seed"])

    @cached_property
    def rows(self) -> dict[str, str]:
        """By task a name of the rows that were scored: the same ids with the same labels.

        Where the predictions were not kept it is the settings that decide which rows these are.
        """
        digests = {}
        for task in self.result["predictions"]:
            if found := self.predictions.get(task):
                about = [found["id"].tolist(), found["gold"].tolist()]
            else:
                data = self.config.get("data") or {}
                about = [self._node(task), *(data.get(key) for key in DECIDE_ROWS)]
            digests[task] = hashlib.sha256(json.dumps(about).encode()).hexdigest()
        return digests

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
        """By task: `id`, `gold`, `set` [rows], and each network's outputs [rows classes].

        Tasks whose file was not kept are left out.

        `set` is the evaluation set where a task has several, empty for the first. Rows with fewer
        options than others have -inf in place of those that they lack. Of a span task `gold` is
        NaN, and a network's outputs are what its answers are worth: exact match and F1, [rows 2].
        """
        files: Mapping[str, str] = self.result["predictions"]
        return {
            task: _read(self.folder / file, self._node(task).get("answers", "words"))
            for task, file in files.items()
            if (self.folder / file).is_file()
        }

    def _node(self, task: str) -> Mapping[str, Any]:
        """The YAML of a task; a draw of few rows has that of its task."""
        nodes: Mapping[str, Any] = self.config.get("task") or {}
        return nodes.get(task) or nodes.get(DRAW.sub("", task)) or {}

    @property
    def unknown(self) -> set[str]:
        """Scores that the predictions do not say enough about, as `task metric`."""
        return {
            f"{task} {metric}"
            for arm in self.arms
            for task, metrics in self.scores(arm).items()
            for metric in metrics
            if self._known(arm, task, metric) is None
        }

    def check(self) -> None:
        """Holds every stored score against the stored predictions.

        Raises:
            UserError: if they do not agree.
        """
        for arm in self.arms:
            for task, metrics in self.scores(arm).items():
                for metric, stored in metrics.items():
                    found = self.computed(arm, task, metric)
                    if found is not None and not abs(found - stored) <= TOLERANCE:
                        raise UserError(
                            f"{self.folder}: {metric} of {arm} on {task} is {stored:.4f} in "
                            f"result.json, but {found:.4f} by the predictions; one of the two was "
                            "changed. Leave this run out (report.runs=) or make it again."
                        )

    def computed(self, arm: str, task: str, metric: str) -> float | None:
        """A score from the predictions; None where they do not say enough."""
        if (found := self._known(arm, task, metric)) is None:
            return None
        rows, (name, chosen) = self.predictions[task], found
        return float(score(name, rows["gold"][chosen], rows[arm][chosen])[0])

    def _known(self, arm: str, task: str, metric: str) -> tuple[str, NDArray[np.bool_]] | None:
        return self.part(task, metric) if arm in self.predictions.get(task, {}) else None

    def part(self, task: str, metric: str) -> tuple[str, NDArray[np.bool_]] | None:
        """The bare name of a metric, and the rows [rows] of the evaluation set that it is about.

        None where it is not known here, or the rows of several sets are not told apart.
        """
        sets = self.predictions[task]["set"]
        named = {f"{name}_{of}" if of else name: (name, of) for of in set(sets) for name in METRICS}
        several = any(name not in METRICS for name in self.scores("student").get(task, ()))
        if metric not in named or (several and len(set(sets)) == 1):
            return None
        name, of = named[metric]
        return name, sets == of


def macro(scores: Mapping[str, Mapping[str, float]], tasks: Iterable[str] | None = None) -> float:
    """The mean over tasks (all, or those named) of the mean of a task's metrics."""
    chosen = scores if tasks is None else tasks
    return float(np.mean([np.mean(list(scores[task].values())) for task in chosen]))


def _read(path: Path, answers: str) -> dict[str, NDArray]:
    with path.open() as file:
        lines = [json.loads(line) for line in file]
    names = [name for name in lines[0] if name not in ("id", "gold", "set")]
    rows = {"id": np.array([line["id"] for line in lines])}
    rows["set"] = np.array([line.get("set", "") for line in lines])
    gold = [line["gold"] for line in lines]
    if isinstance(gold[0], list):
        compare = COMPARE[answers]
        worth = {
            name: np.array([best_match(line[name], line["gold"], compare) for line in lines])
            for name in names
        }
        return {**rows, "gold": np.full(len(lines), np.nan), **worth}
    found = {name: _even([line[name] for line in lines]) for name in names}
    return {**rows, "gold": np.array(gold), **found}


def _even(outputs: Sequence[Sequence[float]]) -> NDArray:
    """Outputs as one array, [rows classes]."""
    width = max(map(len, outputs))
    return np.array([[*row, *[-np.inf] * (width - len(row))] for row in outputs])


def find_runs(
    pattern: str,
    tasks: Mapping[str, Sequence[str]] | None = None,
    disregard: Sequence[str] = (),
) -> list[Run]:
    """The finished runs in the folders that match, oldest first, their scores checked.

    Args:
        pattern: of folders, or of their `result.json`, as a glob.
        tasks: groups of tasks to tell apart, in place of those that a run has itself; a run keeps
            those of which it has every task.
        disregard: settings that tell no runs apart, as `teacher.optimizer`.

    Raises:
        UserError: if there is none, a file of one cannot be read or does not agree, or none has
            the tasks of a group or a setting to disregard.
    """
    paths = [Path(name) for name in glob.glob(pattern, recursive=True)]
    folders = dict.fromkeys(p.parent if p.name == RESULT else p for p in paths)
    found = []
    finished = (folder for folder in folders if (folder / RESULT).is_file())
    for folder in sorted(finished, key=lambda path: (path / RESULT).stat().st_mtime):
        try:
            result = json.loads((folder / RESULT).read_text())
            config = yaml.safe_load((folder / "config.yaml").read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: its result cannot be read ({error}).") from error
        if result.get("student") and result.get("predictions"):
            rest, aside = put_aside(config, disregard)
            found.append(Run(folder, _grouped(result, tasks or {}), rest, aside))
    if not found:
        raise UserError(
            f"report.runs={pattern}: no finished run with a student there; expected folders such "
            "as 'outputs/runs/kd_bilstm/*' or, of sweeps, 'outputs/runs/kd_bilstm/*/*'."
        )
    for name, wanted in (tasks or {}).items():
        if not any(name in run.result["groups"] for run in found):
            known = list(dict.fromkeys(task for run in found for task in run.scores("student")))
            raise UserError(
                f"report.groups.{name}={list(wanted)}: no run has all of these tasks; expected "
                f"some of {known}."
            )
    check_put_aside(disregard, [run.aside for run in found])
    for run in found:
        run.check()
    return found


def _grouped(result: Mapping[str, Any], tasks: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    """A result with the groups of tasks that are asked for, if any are."""
    own = result["student"]["scores"]
    whole = {name: {"tasks": list(of)} for name, of in tasks.items() if of and {*of} <= own.keys()}
    return {**result, "groups": whole} if tasks else result
