"""Which differences between networks are more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from kdlight.report.collect import Run, macro
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher
from kdlight.report.scores import is_span, score
from kdlight.report.statistics import (
    OverSeeds,
    crossed_p,
    holm,
    mcnemar,
    over_seeds,
    resampled,
)

CLASSES = ("accuracy", "f1", "matthews")


@dataclass(frozen=True)
class Network:
    """An arm of a group: one network a seed."""

    group: Group
    arm: str

    def run(self, seed: int) -> Run:
        """The run of a seed."""
        return next(run for run in self.group.runs if run.seed == seed)

    def scores(self, seed: int) -> Mapping[str, Mapping[str, float]]:
        """Stored scores, metric by metric."""
        return self.run(seed).scores(self.arm)


@dataclass(frozen=True)
class Comparison:
    """One network minus another: over seeds, and for each task over its rows.

    `bootstrap` and `mcnemar` hold p-values by task, corrected for their number by Holm's method,
    where all seeds were scored on the same rows; McNemar's test where a task has classes, the
    bootstrap unless there are two seeds, which say too little of the spread over others.
    """

    network: Network
    against: Network
    seeds: OverSeeds
    tasks: dict[str, float]
    bootstrap: dict[str, float]
    mcnemar: dict[str, float]

    @property
    def first(self) -> str:
        """The arm that the difference is of."""
        return self.network.arm

    @property
    def second(self) -> str:
        """The arm that is subtracted."""
        return self.against.arm


def compare(group: Group, second: str) -> list[Comparison]:
    """Every other network of a group against `second`, over the tasks that both have learnt."""
    others = [arm for arm in group.arms if arm != second]
    result = group.runs[0].result
    networks = [Network(group, arm) for arm in others if not is_teacher(arm, result)]
    return compare_with(Network(group, second), networks)


def compare_settings(groups: Sequence[Group]) -> list[Comparison]:
    """The distilled student of every other group against that of the first.

    Args:
        groups: that were scored on the same rows; one without a seed of the first is left out.
    """
    first, *others = (Network(group, "student") for group in groups)
    return compare_with(first, [other for other in others if _common(first, other)])


def compare_with(second: Network, others: Sequence[Network]) -> list[Comparison]:
    """Networks against one, over the seeds and the tasks that both have; p-values corrected."""
    samples = _Samples()
    return _corrected([_compared(samples, first, second) for first in others])


def _common(*networks: Network) -> list[int]:
    """The seeds that all have."""
    seeds = [{run.seed for run in network.group.runs} for network in networks]
    return sorted(set.intersection(*seeds))


def _compared(samples: "_Samples", first: Network, second: Network) -> Comparison:
    seeds = _common(first, second)
    theirs = second.scores(seeds[0])
    tasks = [task for task in first.scores(seeds[0]) if task in theirs]
    known = [task for task in tasks if samples.known(task, seeds, first, second)]
    apart = {task: samples.apart(task, seeds, first, second) for task in known}
    return Comparison(
        first,
        second,
        over_seeds(*_macros(seeds, tasks, first, second)),
        {task: _mean_apart(seeds, task, first, second) for task in tasks},
        {task: p for task, (p, _) in apart.items() if len(seeds) != 2},
        {task: p for task, (_, p) in apart.items() if p is not None},
    )


def _macros(seeds: Sequence[int], tasks: Sequence[str], *networks: Network) -> list[list[float]]:
    return [[macro(network.scores(seed), tasks) for seed in seeds] for network in networks]


def _mean_apart(seeds: Sequence[int], task: str, first: Network, second: Network) -> float:
    """How far a task's score is apart, the mean over seeds."""
    ours, theirs = _macros(seeds, [task], first, second)
    return fmean(ours) - fmean(theirs)


class _Samples:
    """Scores on samples of the rows, each drawn once.

    Rows are drawn with replacement, the same ones for all networks and seeds, of each evaluation
    set by itself; a task's score is the mean of its metrics.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Path, str, str], tuple[NDArray, float]] = {}

    def known(self, task: str, seeds: Sequence[int], *networks: Network) -> bool:
        """Whether all runs hold predictions of these networks for the same rows."""
        runs = [(network.run(seed), network.arm) for network in networks for seed in seeds]
        return (
            len({run.rows.get(task) for run, _ in runs}) == 1
            and all(arm in run.predictions.get(task, {}) for run, arm in runs)
            and bool(_parts(runs[0][0], task))
        )

    def apart(
        self, task: str, seeds: Sequence[int], first: Network, second: Network
    ) -> tuple[float, float | None]:
        """P of the difference of a task's score for other seeds and rows, and McNemar's p.

        McNemar takes the decisions of all seeds by majority, so that a row counts once.
        """
        pairs = [
            [(network.run(seed), network.arm) for seed in seeds] for network in (first, second)
        ]
        self._draw(task, [pair for side in pairs for pair in side])
        ours, theirs = ([self._found[r.folder, task, arm] for r, arm in side] for side in pairs)
        apart = [(one[0] - two[0], one[1] - two[1]) for one, two in zip(ours, theirs, strict=True)]
        drawn, observed = zip(*apart, strict=True)
        p = crossed_p(np.stack(drawn, axis=1), np.array(observed))
        run = first.run(seeds[0])
        rows = run.predictions[task]["gold"]
        if is_span(rows) or _parts(run, task)[0][0] not in CLASSES:
            return p, None
        right = [_majority(seeds, task, network) == rows for network in (first, second)]
        return p, mcnemar(*right)

    def _draw(self, task: str, networks: Sequence[tuple[Run, str]]) -> None:
        """Scores networks on every sample, [samples], and on the rows themselves."""
        new = [(run, arm) for run, arm in networks if (run.folder, task, arm) not in self._found]
        parts = [_sampled(new, task, *part) for part in _parts(networks[0][0], task)]
        for (run, arm), of_metrics in zip(new, zip(*parts, strict=True), strict=False):
            samples, observed = zip(*of_metrics, strict=True)
            self._found[run.folder, task, arm] = np.mean(samples, axis=0), fmean(observed)


def _parts(run: Run, task: str) -> list[tuple[str, NDArray[np.bool_]]]:
    """A task's metrics by their bare names, each with the rows that it is about."""
    parts = (run.part(task, metric) for metric in run.scores("student").get(task, ()))
    return [part for part in parts if part is not None]


def _sampled(
    networks: Sequence[tuple[Run, str]], task: str, metric: str, chosen: NDArray[np.bool_]
) -> list[tuple[NDArray, float]]:
    """A metric of each network on every sample, [samples], and on the rows."""
    found = [(run.predictions[task], arm) for run, arm in networks]
    pairs = [(rows["gold"][chosen], rows[arm][chosen]) for rows, arm in found]
    drawn: list[list[NDArray]] = [[] for _ in pairs]
    for counts in resampled(int(chosen.sum())) if pairs else ():
        for samples, pair in zip(drawn, pairs, strict=True):
            samples.append(score(metric, *pair, counts))
    return [
        (np.concatenate(samples), float(score(metric, *pair)[0]))
        for samples, pair in zip(drawn, pairs, strict=True)
    ]


def _majority(seeds: Sequence[int], task: str, network: Network) -> NDArray:
    """The class that most seeds decide for, [rows]; of equals the one with more probability."""
    logits = np.stack([network.run(s).predictions[task][network.arm] for s in seeds])
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    probability = (shifted / shifted.sum(axis=2, keepdims=True)).mean(axis=0)
    votes = np.eye(logits.shape[2])[logits.argmax(axis=2)].sum(axis=0)
    decided: NDArray = (votes + 1e-6 * probability).argmax(axis=1)
    return decided


def _corrected(found: list[Comparison]) -> list[Comparison]:
    """With p-values corrected for the number of comparisons of the same kind."""
    for kind in ("bootstrap", "mcnemar"):
        places = [(getattr(c, kind), task) for c in found for task in getattr(c, kind)]
        for (values, task), p in zip(places, holm([v[t] for v, t in places]), strict=True):
            values[task] = p
    return found
