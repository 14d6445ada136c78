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
    return ", ".join(_nvidia("name"))


def _nvidia(what: str) -> list[str]:
    """A property of each NVIDIA GPU; nothing where there is none."""
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return found.stdout.splitlines()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def precision(wanted: str, accelerator: str, half: str = "bf16-true") -> str:
    """What a precision means on this machine: `auto` is `half` or `32-true`, others themselves.

    `auto` takes bf16 where the device multiplies matrices in it: processors with AVX512-BF16
    or AMX, GPUs from Ampere on. Nothing heavy is imported to find that out.
    """
    if wanted != "auto":
        return wanted
    cuda = accelerator in ("gpu", "cuda") or (accelerator == "auto" and hardware()["gpus"])
    return half if (_gpu_has_bf16() if cuda else _cpu_has_bf16()) else "32-true"


@cache
def _cpu_has_bf16() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))


@cache
def _gpu_has_bf16() -> bool:
    found = _nvidia("compute_cap")
    return bool(found) and all(float(number) >= 8 for number in found)


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
