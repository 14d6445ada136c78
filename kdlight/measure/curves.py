"""What a network's training curves say of it."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean

SELECTION = "val/macro"


def selection_score(folder: Path) -> float:
    """The best score of a trained network on the selection rows, in percent.

    Args:
        folder: of the network, with its `metrics.csv`.
    """
    return _best(folder)[1]


def selection_scores(folder: Path, tasks: Iterable[str]) -> dict[str, float]:
    """What a network with that score scores on each task: the mean of its metrics, in percent."""
    step, _ = _best(folder)
    found = {metric: value for at, metric, value in _lines(folder) if at == step}
    return {
        task: fmean(v for metric, v in found.items() if metric.startswith(f"val/{task}/"))
        for task in tasks
    }


def _best(folder: Path) -> tuple[str, float]:
    """The first step with the best score, and the score."""
    scores = ((at, value) for at, metric, value in _lines(folder) if metric == SELECTION)
    return max(scores, key=lambda score: score[1])


def _lines(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Step, metric, value."""
    with (folder / "metrics.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            yield line["step"], line["metric"], float(line["value"])
