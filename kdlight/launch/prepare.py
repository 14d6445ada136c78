"""What a process sets before it loads the big libraries."""

import ctypes
import os
import warnings

# Parameters of glibc's `mallopt` (malloc.h): M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD.
KEEP_MEMORY = {-3: 32 << 20, -1: 1 << 30, -2: 64 << 20}


def prepare() -> None:
    """Threads that wait asleep, and no messages that a user of kdlight cannot act on.

    Called once a process, before the libraries are imported.
    """
    _keep_memory()
    # A thread that spins while it waits makes small networks 10 to 100 times slower as soon as
    # another process wants its core; on idle cores it gains nothing measurable.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # To ask whether there is a GPU must not tie a job to those that it sees by now.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    # W&B introduces every run; where runs lie is said once, at the end of the job.
    os.environ.setdefault("WANDB_SILENT", "true")
    # Tokenising happens before any worker is forked, so the fork warning is void.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Curves and checkpoints go where the planner says; a folder left by a killed run is wanted.
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
    # The memory-mapped rows are only read.
    warnings.filterwarnings("ignore", message="The given NumPy array is not writable.*")
    # Lightning's own use of a torch helper that newer versions spell otherwise.
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")


def _keep_memory() -> None:
    """Keeps freed memory for the next step instead of giving it back to the system.

    Tensors of a few megabytes are freed and wanted again in every step. To get their pages anew
    took 4 % of a small student's step, and 20 % in a thread other than the first. Does nothing
    where the C library has no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in KEEP_MEMORY.items():
            mallopt(parameter, value)
