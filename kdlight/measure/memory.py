"""How much memory this process needs at most."""

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def forget_peak() -> None:
    """Counts the peak anew from here; does nothing where the system does not offer it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_bytes() -> int:
    """Most memory the process has held since `forget_peak`, mapped files included."""
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    except (OSError, StopIteration):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
