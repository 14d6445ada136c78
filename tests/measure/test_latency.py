"""Times of two calls, taken in turn."""

import time

from kdlight.measure.latency import paired_ms


def test_times_are_paired_and_come_in_order():
    calls = []

    def slow():
        calls.append("slow")
        time.sleep(0.004)

    def fast():
        calls.append("fast")
        time.sleep(0.001)

    first, second = paired_ms(slow, fast, runs=4, warmup=2)
    assert calls == ["slow", "fast"] * 6
    assert 4 <= first < 40
    assert 1 <= second < first
