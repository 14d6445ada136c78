"""Shares become whole steps, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdlight.data.mixing import (
    annealed,
    apportion,
    capped,
    proportional,
    temperature,
    uniform,
    weighted,
)

SIZES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.integers(1, 400_000), min_size=1
)


@given(SIZES, st.floats(0, 1))
def test_shares_sum_to_one(sizes, done):
    for mixing in (uniform, proportional):
        shares = mixing(sizes, done)
        assert list(shares) == list(sizes)
        assert sum(shares.values()) == pytest.approx(1)


def test_the_two_mixings():
    sizes = {"rte": 100, "qqp": 300}
    assert uniform(sizes, 0) == {"rte": 0.5, "qqp": 0.5}
    assert proportional(sizes, 1) == {"rte": 0.25, "qqp": 0.75}


@given(SIZES, st.integers(0, 5000))
def test_steps_sum_and_every_task_is_drawn(sizes, steps):
    counts = apportion(proportional(sizes, 0), steps)
    assert sum(counts.values()) == steps
    assert min(counts.values()) >= 0
    if steps >= len(sizes):
        assert min(counts.values()) >= 1


@given(SIZES, st.integers(1, 5000))
def test_steps_are_within_one_of_the_exact_share(sizes, steps):
    shares = proportional(sizes, 0)
    counts = apportion(shares, steps)
    exact = {task: share * steps for task, share in shares.items()}
    # A step is given away only to a task that rounding would have left without any.
    given_away = sum(counts[task] == 1 and exact[task] < 1 for task in sizes)
    for task in sizes:
        assert counts[task] < exact[task] + 1 + 1e-6
        assert counts[task] > exact[task] - 1 - given_away - 1e-6
    if min(exact.values()) >= 1:
        assert all(abs(counts[task] - exact[task]) < 1 + 1e-6 for task in sizes)


def test_the_largest_remainder_wins_and_ties_go_to_the_earlier_task():
    assert apportion({"a": 0.55, "b": 0.25, "c": 0.2}, 10) == {"a": 6, "b": 2, "c": 2}
    assert apportion({"a": 0.5, "b": 0.5}, 3) == {"a": 2, "b": 1}


def test_a_task_with_no_share_is_never_drawn():
    assert apportion({"a": 1.0, "b": 0.0}, 7) == {"a": 7, "b": 0}


TASKS = {"rte": 2_500, "stsb": 6_000, "mnli": 393_000}


def test_temperature_lies_between_uniform_and_proportional():
    assert temperature(TASKS, 0, tau=0.0) == uniform(TASKS, 0)
    assert temperature(TASKS, 0, tau=1.0) == pytest.approx(proportional(TASKS, 0))
    found = temperature(TASKS, 0, tau=0.75)
    assert found["mnli"] / found["rte"] == pytest.approx((393_000 / 2_500) ** 0.75)


def test_a_cap_counts_big_tasks_as_smaller():
    found = capped(TASKS, 0, cap=10_000)
    assert found == pytest.approx({"rte": 2.5 / 18.5, "stsb": 6 / 18.5, "mnli": 10 / 18.5})


def test_annealing_goes_from_proportional_to_nearly_uniform():
    assert annealed(TASKS, 0.0) == pytest.approx(proportional(TASKS, 0))
    assert annealed(TASKS, 0.5) == pytest.approx(temperature(TASKS, 0, tau=0.6))
    assert annealed(TASKS, 1.0) == pytest.approx(temperature(TASKS, 0, tau=0.2))
    assert annealed(TASKS, 1.0, end=0) == pytest.approx(uniform(TASKS, 0))


def test_given_weights():
    assert weighted(TASKS, 0, weights={"mnli": 2}) == {"rte": 0.25, "stsb": 0.25, "mnli": 0.5}
    assert weighted(TASKS, 0, weights={"rte": 0})["rte"] == 0


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        (weighted, {"weights": {"rte": -1}}, r"weights\.rte=-1"),
        (weighted, {"weights": {"qqp": 1}}, "no such task"),
        (weighted, {"weights": dict.fromkeys(TASKS, 0)}, "no task has a share"),
        (temperature, {"tau": -1}, "tau=-1"),
        (annealed, {"end": -0.1}, "end=-0.1"),
        (capped, {"cap": 0}, "cap=0"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rule, options, words):
    with pytest.raises(ValueError, match=words):
        rule(TASKS, 0, **options)
