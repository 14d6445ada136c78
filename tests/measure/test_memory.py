"""The peak is that of the time since it was last forgotten."""

import numpy as np

from kdlight.measure.memory import forget_peak, peak_bytes

MIB = 1 << 20


def test_the_peak_outlives_what_caused_it_until_it_is_forgotten():
    forget_peak()
    before = peak_bytes()
    np.ones(200 * MIB // 8)  # freed at once
    grown = peak_bytes() - before
    assert 180 * MIB < grown < 220 * MIB
    forget_peak()
    assert peak_bytes() < before + 20 * MIB
