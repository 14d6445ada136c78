"""Whether one network is better than another: over seeds, and over the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from scipy.stats import t as student_t

RESAMPLES = 2000
LIMIT = 2.0  # standard errors
BATCH = 250  # samples that are drawn together, to bound memory


@dataclass(frozen=True)
class OverSeeds:
    """A paired difference over seeds: its mean, the standard error of that, and the seeds."""

    mean: float
    error: float | None
    n: int

    @property
    def shown(self) -> bool:
        """Larger than two standard errors, over at least three seeds."""
        return self.n >= 3 and self.error is not None and abs(self.mean) > LIMIT * self.error

    @property
    def by_chance(self) -> float:
        """How often `shown` is true where there is no difference, by Student's t."""
        return float(2 * student_t.sf(LIMIT, self.n - 1)) if self.n >= 3 else 0.0


def over_seeds(first: Sequence[float], second: Sequence[float]) -> OverSeeds:
    """First minus second, seed by seed. Both [seeds], in the same order."""
    apart = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else None
    return OverSeeds(float(apart.mean()), error, len(apart))


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Exact two-sided p of McNemar's test (1947), from which rows each network has right.

    Both [rows]. One where they are right on the same rows.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    total = only_first + only_second
    return float(binomtest(only_first, total, 0.5).pvalue) if total else 1.0


def resampled(
    rows: int, seed: int = 0, resamples: int = RESAMPLES
) -> Iterator[NDArray[np.float64]]:
    """How often each row is drawn in each of many samples with replacement, [samples rows].

    A part of the samples at a time, the same ones at every call, to bound memory.
    """
    random = np.random.default_rng([seed, rows, resamples])  # no stream that others draw from
    for start in range(0, resamples, BATCH):
        size = min(BATCH, resamples - start)
        yield random.multinomial(rows, np.full(rows, 1 / rows), size=size).astype(np.float64)


def bootstrap_p(differences: NDArray[np.float64], observed: float) -> float:
    """Two-sided p of a paired bootstrap: how often a difference moves as far from its own mean.

    The samples [resamples] are shifted to a mean of zero, the null hypothesis (Efron & Tibshirani
    1993, section 16.4); one is added to both counts, so that p is never zero.
    """
    moved = np.abs(differences - differences.mean()) >= abs(observed) - 1e-12
    return float((moved.sum() + 1) / (len(differences) + 1))


def crossed_p(differences: NDArray[np.float64], observed: NDArray[np.float64]) -> float:
    """Two-sided p of a mean difference over seeds, for other seeds and other rows alike.

    Student's t, whose standard error holds the spread over seeds and, from the bootstrap, what
    all seeds share by being scored on the same rows (Obuchowski & Rockette 1995, the degrees of
    freedom of Hillis 2007); it is never smaller than the spread over samples of the rows. Of one
    seed, or seeds that are all alike, the rows alone speak.

    Args:
        differences: of the samples of rows, [samples seeds].
        observed: on the rows themselves, [seeds].
    """
    n = len(observed)
    over_seeds = float(observed.var(ddof=1)) / n if n > 1 else 0.0
    if over_seeds < 1e-12:
        return bootstrap_p(differences.mean(axis=1), float(observed.mean()))
    covariance = np.cov(differences, rowvar=False)
    by_rows = float(covariance.mean())  # variance of the mean over seeds
    shared = max(0.0, float(covariance.sum() - covariance.trace()) / (n * (n - 1)))
    freedom = (n - 1) * ((over_seeds + shared) / over_seeds) ** 2
    error = np.sqrt(max(over_seeds + shared, by_rows))
    return float(2 * student_t.sf(abs(observed.mean()) / error, freedom))


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm 1979), in the order given."""
    order = np.argsort(p, kind="stable")
    corrected, highest = np.empty(len(p)), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = highest
    return [float(value) for value in corrected]
