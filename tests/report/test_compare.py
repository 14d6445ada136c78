"""Comparisons of networks where the right answer is known: no difference, or a planted one."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kdlight.report import compare as compare_module
from kdlight.report.collect import Run
from kdlight.report.compare import compare, compare_settings
from kdlight.report.groups import Group
from kdlight.report.statistics import crossed_p, holm

ROWS, HARD, SPREAD = (
    1000,
    0.5,
    0.12,
)  # of rows: their number, and how much networks of a seed differ


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    few = partial(compare_module.resampled, resamples=200)
    monkeypatch.setattr(compare_module, "resampled", few)


def group(random, seeds, better=0.0, ease=None, arms=("baseline", "student")):
    """Networks that have rows right by the rows' ease, their seed's luck, and some noise."""
    ease = random.normal(1.9, 1.6, ROWS) if ease is None else ease
    runs = []
    for seed in range(1, seeds + 1):
        own = {"id": np.arange(ROWS), "set": np.full(ROWS, ""), "gold": np.zeros(ROWS, dtype=int)}
        scores = {}
        for arm in arms:
            luck = random.normal(better if arm == "student" else 0.0, SPREAD)
            right = ease + luck + random.normal(0, HARD, ROWS) > 0
            own[arm] = np.stack([right, ~right], axis=1).astype(float)
            scores[arm] = {"scores": {"sst2": {"accuracy": 100 * right.mean()}}}
        found = {"seed": seed, "variants": {}, "predictions": {"sst2": ""}, "method": "distill"}
        run = Run(Path(f"{random.integers(1 << 40)}/{seed}"), found | scores, {})
        run.__dict__["predictions"] = {"sst2": own}
        runs.append(run)
    return Group("", tuple(runs))


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_methods_differ_as_rarely_as_p_says_whatever_luck_seeds_have(seeds):
    """McNemar's test, which knows of these very networks only, finds a difference often."""
    random, tests = np.random.default_rng(seeds), 250
    found = [compare(group(random, seeds), "baseline")[0] for _ in range(tests)]
    wrong = sum(one.bootstrap["sst2"] < 0.05 for one in found)
    most = tests * 0.05 + 3 * (tests * 0.05 * 0.95) ** 0.5
    assert 2 <= wrong <= most
    assert sum(one.mcnemar["sst2"] < 0.05 for one in found) > most


def test_a_planted_difference_is_found():
    random = np.random.default_rng(0)
    found = [compare(group(random, 5, better=0.6), "baseline")[0] for _ in range(20)]
    assert sum(one.bootstrap["sst2"] < 0.05 for one in found) >= 18


def test_settings_are_compared_with_the_first_and_corrected_together():
    random = np.random.default_rng(1)
    ease = random.normal(1.9, 1.6, ROWS)
    groups = [group(random, seeds, better, ease) for seeds, better in ((4, 0), (3, 0), (4, 2))]
    found = compare_settings(groups)
    assert [one.network.group for one in found] == groups[1:]
    assert all(one.against.group is groups[0] for one in found)
    assert [one.seeds.n for one in found] == [3, 4]  # those that both have
    alone = [compare_settings([groups[0], other])[0] for other in groups[1:]]
    for kind in ("bootstrap", "mcnemar"):
        bare = holm([getattr(one, kind)["sst2"] for one in alone])
        assert [getattr(one, kind)["sst2"] for one in found] == pytest.approx(bare)
    assert found[1].bootstrap["sst2"] < 0.05 < found[0].bootstrap["sst2"]


def test_settings_without_a_common_seed_are_not_compared():
    random = np.random.default_rng(2)
    first, other = group(random, 2), group(random, 4)
    assert compare_settings([first, Group("", other.runs[2:])]) == []


def test_no_spread_over_seeds_leaves_the_rows():
    """Networks that are all alike are tested as one."""
    random = np.random.default_rng(3)
    samples = random.normal(1.0, 0.5, 2000)
    same = np.stack([samples] * 3, axis=1)
    one = crossed_p(samples[:, None], np.array([1.0]))
    assert crossed_p(same, np.array([1.0, 1.0, 1.0])) == pytest.approx(one)
    assert one == pytest.approx(0.0455, abs=0.015)
    assert crossed_p(same, np.array([0.0, 1.0, 2.0])) > 0.15
    assert crossed_p(np.zeros((2000, 3)), np.zeros(3)) == 1.0
