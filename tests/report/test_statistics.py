"""Tests of significance against scipy on planted data, and on data where nothing is to be found."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, false_discovery_control, ttest_rel

from kdlight.report.scores import score
from kdlight.report.statistics import bootstrap_p, holm, mcnemar, over_seeds, resampled


def test_a_paired_difference_over_seeds():
    first, second = [88.2, 88.3, 88.0, 88.9], [82.8, 83.9, 82.1, 83.0]
    found = over_seeds(first, second)
    t = ttest_rel(first, second).statistic
    assert found.mean == pytest.approx(np.mean(first) - np.mean(second))
    assert found.mean / found.error == pytest.approx(t)
    assert found.n == 4
    assert found.shown


def test_what_is_not_shown():
    assert not over_seeds([90.0, 90.5], [80.0, 80.1]).shown  # two seeds
    assert over_seeds([90.0], [80.0]).error is None
    assert not over_seeds([90.0], [80.0]).shown
    assert not over_seeds([90.0, 85.0, 88.0], [88.0, 88.5, 86.0]).shown


def test_mcnemar_is_the_exact_binomial_of_the_rows_that_differ():
    first = np.array([True] * 12 + [False] * 3 + [True] * 50)
    second = np.array([False] * 12 + [True] * 3 + [True] * 50)
    assert mcnemar(first, second) == pytest.approx(binomtest(12, 15).pvalue)
    assert mcnemar(first, second) == pytest.approx(mcnemar(second, first))
    assert mcnemar(first, first) == 1.0


def test_the_bootstrap_spreads_as_that_of_scipy():
    random = np.random.default_rng(0)
    right = random.random((2, 300)) < [[0.95], [0.8]]
    apart = right[0].astype(float) - right[1]
    differences = resampled(300, resamples=4000) @ apart / 300
    reference = bootstrap((apart,), np.mean, n_resamples=4000, method="basic", rng=1)
    assert differences.std() == pytest.approx(reference.standard_error, rel=0.06)
    assert bootstrap_p(differences, apart.mean()) < 0.005


def test_errors_of_the_first_kind_are_as_rare_as_they_should_be():
    """Two networks that are equally good by construction."""
    random = np.random.default_rng(5)
    tests, rows = 300, 200
    gold = np.zeros(rows, dtype=int)
    counts = resampled(rows, resamples=300)
    found = {"bootstrap": 0, "mcnemar": 0}
    for _ in range(tests):
        right = random.random((2, rows)) < 0.8
        outputs = [np.stack([r, ~r], axis=1).astype(float) for r in right]
        apart = score("accuracy", gold, outputs[0], counts) - score(
            "accuracy", gold, outputs[1], counts
        )
        observed = 100 * (right[0].mean() - right[1].mean())
        found["bootstrap"] += bootstrap_p(apart, observed) < 0.05
        found["mcnemar"] += mcnemar(*right) < 0.05
    # 15 of 300 are expected; the chance of more than 26 is below one in two hundred.
    assert found["bootstrap"] <= 26
    assert found["mcnemar"] <= 26
    assert found["bootstrap"] >= 5


def test_holm():
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5]) == [0.5]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    # Never below the weaker correction for the rate of false discoveries.
    assert all(a >= b for a, b in zip(holm(p), false_discovery_control(p), strict=True))
