"""Tests of significance against scipy on planted data, and on data where nothing is to be found."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, permutation_test, ttest_rel

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
    differences = np.concatenate([*resampled(300, resamples=4000)]) @ apart / 300
    reference = bootstrap((apart,), np.mean, n_resamples=4000, method="basic", rng=1)
    assert differences.std() == pytest.approx(reference.standard_error, rel=0.06)
    assert bootstrap_p(differences, apart.mean()) < 0.005


def test_errors_of_the_first_kind_are_as_rare_as_they_should_be():
    """Two networks that are equally good by construction."""
    random = np.random.default_rng(5)
    tests, rows = 300, 200
    gold = np.zeros(rows, dtype=int)
    counts = np.concatenate([*resampled(rows, resamples=300)])
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
    assert found["bootstrap"] <= at_most(0.05, tests)
    assert found["mcnemar"] <= at_most(0.05, tests)
    assert found["bootstrap"] >= 5


def at_most(rate, tests):
    """What a true rate exceeds once in 700 times: three standard errors above it."""
    return tests * rate + 3 * (tests * rate * (1 - rate)) ** 0.5


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_verdict_over_seeds_is_wrong_as_often_as_it_says(seeds):
    """Two standard errors of few seeds are a low bar: it is told beside the verdict."""
    random, tests = np.random.default_rng(seeds), 600
    runs = random.normal(88, 0.4, (tests, 2, seeds))
    found = [over_seeds(first, second) for first, second in runs]
    rate = found[0].by_chance
    assert rate == pytest.approx({3: 0.1835, 5: 0.1161}[seeds], abs=1e-4)
    shown = sum(one.shown for one in found)
    assert 2 * tests * rate - at_most(rate, tests) <= shown <= at_most(rate, tests)


def test_one_of_several_null_comparisons_is_found_as_rarely_as_one():
    """Five networks that are equally good, each against the same baseline."""
    random, tests, rows = np.random.default_rng(9), 300, 200
    wrong = 0
    for _ in range(tests):
        right = random.random((6, rows)) < 0.8
        wrong += min(holm([mcnemar(network, right[0]) for network in right[1:]])) < 0.05
    assert wrong <= at_most(0.05, tests)


@pytest.mark.parametrize("good", [0.92, 0.9, 0.89])
def test_planted_differences_against_permutations(good):
    """Signs of the paired differences are drawn anew: the same null hypothesis."""
    random = np.random.default_rng(3)
    right = random.random((2, 400)) < [[good], [0.82]]
    apart = right[0].astype(float) - right[1]
    by_signs = permutation_test(
        (apart,), np.mean, permutation_type="samples", vectorized=True, n_resamples=4000, rng=2
    ).pvalue
    differences = np.concatenate([*resampled(400, resamples=4000)]) @ apart / 400
    assert mcnemar(*right) == pytest.approx(by_signs, abs=0.03)
    assert bootstrap_p(differences, apart.mean()) == pytest.approx(by_signs, abs=0.03)


def test_holm():
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5]) == [0.5]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm_is_bonferroni_on_every_set_of_hypotheses():
    """A hypothesis is refused if every set that it is in is (Marcus, Peritz & Gabriel 1976)."""
    p = np.random.default_rng(4).random(6) ** 3
    sets = [group for size in range(1, 7) for group in combinations(range(6), size)]
    expected = [
        max(min(1.0, len(group) * min(p[n] for n in group)) for group in sets if number in group)
        for number in range(6)
    ]
    assert holm(list(p)) == pytest.approx(expected)
