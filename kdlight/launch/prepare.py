"""What a process sets before it loads the big libraries."""

import os
import warnings


def prepare() -> None:
    """Threads that wait asleep, and no messages that a user of kdlight cannot act on.

    Called once a process, before the libraries are imported.
    """
    # A thread that spins while it waits makes small networks 10 to 100 times slower as soon as
    # another process wants its core; on idle cores it gains nothing measurable.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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
