"""The benchmarks' metrics from stored predictions, for one sample of the rows or many at once.

Apart from `kdlight.metrics`, with which the scores in `result.json` were made, so that both can be
held against each other.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Counts = NDArray[np.float64]


def score(metric: str, gold: NDArray, outputs: NDArray, counts: Counts | None = None) -> NDArray:
    """A metric in percent, [samples].

    Args:
        metric: a key of `METRICS`.
        gold: classes or grades, [rows]; NaN of a span task.
        outputs: of a network, [rows classes]; of a span task exact match and F1, [rows 2].
        counts: how often each row is in each sample, [samples rows]; None: each once.
    """
    if counts is None:
        counts = np.ones((1, len(gold)))
    if is_span(gold):
        worth = outputs[:, ("exact_match", "f1").index(metric)]
        return 100 * (counts @ worth) / counts.sum(axis=1)
    decided = outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return 100 * METRICS[metric](gold, decided, counts)


def is_span(gold: NDArray) -> bool:
    """Whether answers are texts, of which only the worth is known, rather than classes."""
    return bool(np.isnan(gold[:1]).any())


def _accuracy(gold: NDArray, decided: NDArray, counts: Counts) -> NDArray:
    return counts @ (gold == decided) / counts.sum(axis=1)


def _f1(gold: NDArray, decided: NDArray, counts: Counts) -> NDArray:
    """Of the second class; zero where nothing is or is called so."""
    hits = counts @ ((gold == 1) & (decided == 1))
    misses = counts @ ((gold == 1) != (decided == 1))
    return _divided(2 * hits, 2 * hits + misses)


def _matthews(gold: NDArray, decided: NDArray, counts: Counts) -> NDArray:
    """Matthews correlation; zero where gold or decisions are constant."""
    total = counts.sum(axis=1)
    classes = np.union1d(gold, decided)
    truth = np.stack([counts @ (gold == c) for c in classes], axis=1)
    found = np.stack([counts @ (decided == c) for c in classes], axis=1)
    covariance = counts @ (gold == decided) * total - (truth * found).sum(axis=1)
    spread = (total**2 - (truth**2).sum(axis=1)) * (total**2 - (found**2).sum(axis=1))
    return _divided(covariance, np.sqrt(spread))


def _pearson(gold: NDArray, decided: NDArray, counts: Counts) -> NDArray:
    """Correlation; zero for constants."""
    total = counts.sum(axis=1)
    x, y = counts @ gold / total, counts @ decided / total
    covariance = counts @ (gold * decided) / total - x * y
    spread = (counts @ gold**2 / total - x**2) * (counts @ decided**2 / total - y**2)
    return _divided(covariance, np.sqrt(np.clip(spread, 0, None)))


def _spearman(gold: NDArray, decided: NDArray, counts: Counts) -> NDArray:
    """Pearson of the ranks within each sample."""
    found = np.empty(len(counts))
    for number, row in enumerate(counts.astype(int)):
        chosen = np.repeat(np.arange(len(gold)), row)
        ranks = rankdata(gold[chosen]), rankdata(decided[chosen])
        found[number] = _pearson(*ranks, np.ones((1, len(chosen))))[0]
    return found


def _divided(above: NDArray, below: NDArray) -> NDArray:
    out: NDArray = np.divide(
        above, below, out=np.zeros_like(above, dtype=float), where=below > 1e-12
    )
    return out


METRICS: dict[str, Callable[[NDArray, NDArray, Counts], NDArray]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
    "exact_match": _accuracy,
}
