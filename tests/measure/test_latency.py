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
