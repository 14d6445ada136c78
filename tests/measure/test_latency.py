"""Times of two calls, taken in turn."""

import pytest

from kdlight.measure.latency import paired_ms


def test_times_are_paired_and_come_in_order(monkeypatch):
    calls, now = [], [0.0]
    monkeypatch.setattr("kdlight.measure.latency.time.perf_counter", lambda: now[0])

    def slow():
        calls.append("slow")
        now[0] += 0.004

    def fast():
        calls.append("fast")
        now[0] += 0.001

    times = paired_ms(slow, fast, runs=4, warmup=2)
    assert calls == ["slow", "fast"] * 6
    assert times == pytest.approx((4, 1))


def test_runs_that_another_process_disturbs_do_not_count(monkeypatch):
    """Six in ten here, which a median would tell."""
    now, runs = [0.0], iter(range(100))
    monkeypatch.setattr("kdlight.measure.latency.time.perf_counter", lambda: now[0])

    def call():
        now[0] += 0.006 if next(runs) // 2 % 10 < 6 else 0.001

    assert paired_ms(call, call, runs=20, warmup=0) == pytest.approx((1, 1))
