"""The peak is that of the time since it was last forgotten."""

import subprocess
import sys

MIB = 1 << 20
# In a process of its own: memory that others have freed would be taken without any growth.
CODE = """
import numpy as np
from kdlight.measure.memory import forget_peak, peak_bytes
forget_peak()
before = peak_bytes()
np.ones(200 * 2**20 // 8)  # freed at once
grown = peak_bytes() - before
forget_peak()
print(grown, peak_bytes() - before)
"""


def test_the_peak_outlives_what_caused_it_until_it_is_forgotten():
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    grown, left = map(int, found.stdout.split())
    assert 180 * MIB < grown < 220 * MIB
    assert left < 20 * MIB
