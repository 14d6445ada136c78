"""Contenders take turns, and their times are compared round by round."""

import threading
import time

import pytest

from kdlight.measure.race import Paused, race, ratio


def test_each_does_a_block_a_round_and_each_is_first_in_turn():
    order = []

    def contender(name):
        while True:
            order.append(name)
            yield

    times = race({name: contender(name) for name in "ab"}, rounds=3, warmup=1)
    assert order == list("abbaabba")
    assert {name: len(taken) for name, taken in times.items()} == {"a": 3, "b": 3}


def test_the_slower_one_is_found():
    now = [0.0]

    def worker(seconds):
        while True:
            now[0] += seconds
            yield

    times = race({"slow": worker(3.0), "fast": worker(1.0)}, rounds=5, clock=lambda: now[0])
    assert ratio(times, "slow", "fast") == 3


def test_the_ratio_is_the_median_over_the_rounds():
    assert ratio({"a": [2.0, 9.0, 4.0], "b": [1.0, 1.0, 4.0]}, "a", "b") == 2.0


def test_paused_work_runs_only_inside_next():
    done = []

    def work(pause):
        assert threading.current_thread() is not threading.main_thread()
        for number in range(3):
            done.append(number)
            pause()
        done.append("end")

    paused = Paused(work)
    assert done == []
    for expected in ([0], [0, 1], [0, 1, 2]):
        next(paused)
        time.sleep(0.01)
        assert done == expected
    assert list(paused) == []
    assert done == [0, 1, 2, "end"]
    with pytest.raises(StopIteration):
        next(paused)


def test_an_error_of_the_work_is_raised_by_next():
    def work(pause):
        pause()
        raise ValueError("no rows")

    paused = Paused(work)
    next(paused)
    with pytest.raises(ValueError, match="no rows"):
        next(paused)
