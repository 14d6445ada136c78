"""Which differences between the networks of a group are more than chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdlight.report.collect import Group, macro
from kdlight.report.scores import METRICS, is_span, score
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

    `bootstrap` and `mcnemar` hold p-values by task, corrected for their number by Holm's method;
    McNemar's test is there where a task has classes.
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
        if first in ("teacher", second) or first.endswith("_teacher"):
            continue
        tasks = [t for t in group.runs[0].scores(first) if t in group.runs[0].scores(second)]
        macros = [[macro(run.scores(arm), tasks) for run in group.runs] for arm in (first, second)]
        apart = {task: samples.apart(task, first, second) for task in tasks}
        found.append(
            Comparison(
                first,
                second,
                over_seeds(*macros),
                {task: values[0] for task, values in apart.items()},
                {task: values[1] for task, values in apart.items()},
                {task: values[2] for task, values in apart.items() if values[2] is not None},
            )
        )
    return _corrected(found)


class _Samples:
    """A group's scores on samples of the rows, each drawn once.

    Rows are drawn with replacement, the same ones for all networks and seeds; a task's score is
    the mean of its metrics, and over seeds.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self._found: dict[tuple[str, str], tuple[NDArray, float]] = {}

    def apart(self, task: str, first: str, second: str) -> tuple[float, float, float | None]:
        """Difference of a task's score, its bootstrap p and its McNemar p.

        McNemar takes the decisions of all seeds by majority, so that a row counts once.
        """
        (one, observed_one), (two, observed_two) = self._of(task, first), self._of(task, second)
        observed = observed_one - observed_two
        p = bootstrap_p(one - two, observed)
        rows = self.group.runs[0].predictions[task]["gold"]
        if is_span(rows) or self._metrics(task)[0] not in CLASSES:
            return observed, p, None
        right = [_majority(self.group, task, arm) == rows for arm in (first, second)]
        return observed, p, mcnemar(*right)

    def _metrics(self, task: str) -> list[str]:
        return [metric for name, metric in self.group.metrics if name == task and metric in METRICS]

    def _of(self, task: str, arm: str) -> tuple[NDArray, float]:
        """A network's score on every sample, [samples], and on the rows themselves."""
        if (task, arm) not in self._found:
            runs, metrics = self.group.runs, self._metrics(task)
            counts = resampled(len(runs[0].predictions[task]["gold"]))
            drawn, observed = np.zeros(len(counts)), 0.0
            for run in runs:
                gold, outputs = run.predictions[task]["gold"], run.predictions[task][arm]
                for metric in metrics:
                    drawn += score(metric, gold, outputs, counts)
                    observed += float(score(metric, gold, outputs)[0])
            share = 1 / (len(metrics) * len(runs))
            self._found[task, arm] = (drawn * share, observed * share)
        return self._found[task, arm]


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
