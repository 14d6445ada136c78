"""Which differences between the networks of a group are more than chance."""

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from kdlight.report.collect import macro
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher
from kdlight.report.scores import is_span, score
from kdlight.report.statistics import (
    OverSeeds,
    bootstrap_p,
    holm,
    mcnemar,
    over_seeds,
    resampled,
)

CLASSES = ("accuracy", "f1", "matthews")


@dataclass(frozen=True)
class Comparison:
    """One network minus another: over seeds, and for each task over its rows.

    `bootstrap` and `mcnemar` hold p-values by task, corrected for their number by Holm's method,
    where all seeds were scored on the same rows; McNemar's test where a task has classes.
    """

    first: str
    second: str
    seeds: OverSeeds
    tasks: dict[str, float]
    bootstrap: dict[str, float]
    mcnemar: dict[str, float]


def compare(group: Group, second: str) -> list[Comparison]:
    """Every other network of a group against `second`, over the tasks that both have learnt."""
    found = []
    samples = _Samples(group)
    for first in group.arms:
        if first == second or is_teacher(first, group.runs[0].result):
            continue
        tasks = [t for t in group.runs[0].scores(first) if t in group.runs[0].scores(second)]
        macros = [[macro(run.scores(arm), tasks) for run in group.runs] for arm in (first, second)]
        apart = {
            t: samples.apart(t, first, second) for t in tasks if samples.known(t, first, second)
        }
        found.append(
            Comparison(
                first,
                second,
                over_seeds(*macros),
                {task: _mean_apart(group, task, first, second) for task in tasks},
                {task: p for task, (p, _) in apart.items()},
                {task: p for task, (_, p) in apart.items() if p is not None},
            )
        )
    return _corrected(found)


def _mean_apart(group: Group, task: str, first: str, second: str) -> float:
    """How far a task's score is apart, the mean over seeds."""
    ours, theirs = (
        [macro(run.scores(arm), [task]) for run in group.runs] for arm in (first, second)
    )
    return fmean(ours) - fmean(theirs)


class _Samples:
    """A group's scores on samples of the rows, each drawn once.

    Rows are drawn with replacement, the same ones for all networks and seeds, of each evaluation
    set by itself; a task's score is the mean of its metrics, and over seeds.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self._found: dict[tuple[str, str], tuple[NDArray, float]] = {}

    def known(self, task: str, *arms: str) -> bool:
        """Whether all runs hold predictions of these networks for the same rows."""
        found = [run.predictions.get(task, {}) for run in self.group.runs]
        return (
            self.group.same_rows(task)
            and all(arm in rows for rows in found for arm in arms)
            and bool(self._parts(task))
        )

    def apart(self, task: str, first: str, second: str) -> tuple[float, float | None]:
        """Bootstrap p of the difference of a task's score, and McNemar p.

        McNemar takes the decisions of all seeds by majority, so that a row counts once.
        """
        (one, observed_one), (two, observed_two) = self._of(task, first), self._of(task, second)
        p = bootstrap_p(one - two, observed_one - observed_two)
        rows = self.group.runs[0].predictions[task]["gold"]
        if is_span(rows) or self._parts(task)[0][0] not in CLASSES:
            return p, None
        right = [_majority(self.group, task, arm) == rows for arm in (first, second)]
        return p, mcnemar(*right)

    def _parts(self, task: str) -> list[tuple[str, NDArray[np.bool_]]]:
        """A task's metrics by their bare names, each with the rows that it is about."""
        run = self.group.runs[0]
        parts = (run.part(task, metric) for name, metric in self.group.metrics if name == task)
        return [part for part in parts if part is not None]

    def _of(self, task: str, arm: str) -> tuple[NDArray, float]:
        """A network's score on every sample, [samples], and on the rows themselves."""
        if (task, arm) not in self._found:
            drawn = [self._metric(task, arm, *part) for part in self._parts(task)]
            samples, observed = zip(*drawn, strict=True)
            self._found[task, arm] = np.mean(samples, axis=0), fmean(observed)
        return self._found[task, arm]

    def _metric(
        self, task: str, arm: str, metric: str, chosen: NDArray[np.bool_]
    ) -> tuple[NDArray, float]:
        """The mean of a metric over seeds: on every sample, [samples], and on the rows."""
        read = [run.predictions[task] for run in self.group.runs]
        rows = [(found["gold"][chosen], found[arm][chosen]) for found in read]
        drawn = [
            np.mean([score(metric, *pair, counts) for pair in rows], axis=0)
            for counts in resampled(int(chosen.sum()))
        ]
        return np.concatenate(drawn), fmean(float(score(metric, *pair)[0]) for pair in rows)


def _majority(group: Group, task: str, arm: str) -> NDArray:
    """The class that most seeds decide for, [rows]; of equals the one with more probability."""
    logits = np.stack([run.predictions[task][arm] for run in group.runs])
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    probability = (shifted / shifted.sum(axis=2, keepdims=True)).mean(axis=0)
    votes = np.eye(logits.shape[2])[logits.argmax(axis=2)].sum(axis=0)
    decided: NDArray = (votes + 1e-6 * probability).argmax(axis=1)
    return decided


def _corrected(found: list[Comparison]) -> list[Comparison]:
    """With p-values corrected for the number of comparisons of the same kind in the group."""
    for kind in ("bootstrap", "mcnemar"):
        places = [(getattr(c, kind), task) for c in found for task in getattr(c, kind)]
        for (values, task), p in zip(places, holm([v[t] for v, t in places]), strict=True):
            values[task] = p
    return found
