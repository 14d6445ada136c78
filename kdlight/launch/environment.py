"""What a result must name: versions, commit, hardware; and a clean environment for workers."""

import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "kdlight",
    "torch",
    "lightning",
    "transformers",
    "datasets",
    "torchmetrics",
    "hydra-core",
)
# Left by an outer launcher; a rank that inherits them joins the wrong group or none.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK")
RANK_PREFIXES = ("MASTER_", "TORCHELASTIC_", "ROLE_", "PL_")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


@cache
def git_commit() -> str | None:
    """The commit of the checkout kdlight runs from, `+` if it was changed; None without git."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


@cache
def hardware() -> dict[str, str | int]:
    """Processor and its usable cores."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "gpus": _gpus(),
    }


def _gpus() -> str:
    """Names of the NVIDIA GPUs, or nothing."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ", ".join(found.stdout.splitlines())


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def forget_ranks() -> None:
    """Makes this process a planner, whatever launcher's variables the shell has left."""
    kept = clean(os.environ)
    for key in set(os.environ) - set(kept):
        del os.environ[key]


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what another launcher left about ranks."""
    return {
        key: value
        for key, value in environment.items()
        if key not in RANK_VARIABLES and not key.startswith(RANK_PREFIXES)
    }
