"""How a rank ends."""

import subprocess
import sys

import pytest

ENDS = """
import atexit, os
from kdlight.launch.worker import leave
atexit.register(os.abort)  # as threads may that are still at work
print("said", end="")
leave({status})
"""


@pytest.mark.parametrize("status", [0, 3])
def test_what_is_done_counts_whatever_the_end_of_python_brings(status):
    ended = subprocess.run([sys.executable, "-c", ENDS.format(status=status)],
                           capture_output=True, text=True, check=False)  # fmt: skip
    assert (ended.returncode, ended.stdout) == (status, "said")
