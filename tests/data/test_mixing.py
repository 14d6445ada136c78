"""Shares become whole steps, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdlight.data.mixing import apportion, proportional, uniform

SIZES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.integers(1, 400_000), min_size=1
)


@given(SIZES, st.integers(0, 10))
def test_shares_sum_to_one(sizes, epoch):
    for mixing in (uniform, proportional):
        shares = mixing(sizes, epoch)
        assert list(shares) == list(sizes)
        assert sum(shares.values()) == pytest.approx(1)


def test_the_two_mixings():
    sizes = {"rte": 100, "qqp": 300}
    assert uniform(sizes, 0) == {"rte": 0.5, "qqp": 0.5}
    assert proportional(sizes, 3) == {"rte": 0.25, "qqp": 0.75}


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
