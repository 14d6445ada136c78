"""Which failures are the user's to mend, and the sentence to show for them."""

import errno
import os
import re

from kdlight.types import UserError

AGAIN = "the same command goes on where it was"
REMEDIES = {
    errno.ENOSPC: "free some room",
    errno.EDQUOT: "free some room",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
    errno.EACCES: "give this user the right to it, or choose another folder (outputs=DIR)",
    errno.EPERM: "give this user the right to it, or choose another folder (outputs=DIR)",
    errno.EROFS: "choose a folder that can be written (outputs=DIR)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.EIO: "look after that disk",
}


class StageError(Exception):
    """A rank of a stage ended badly; the message names its log."""


def mistake(error: BaseException, folder: object) -> str | None:
    """The sentence for a failure without a traceback, or None for a fault of the program.

    Hydra wraps what a constructor refuses; the refusal is what the user has to read.

    Args:
        error: the failure.
        folder: where the command writes, for failures that do not name their file.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError | StageError):
            return str(seen)
        if (sentence := _of_the_machine(seen, folder)) is not None:
            return sentence
        if type(seen).__name__ == "MisconfigurationException":
            return f"Lightning cannot run with these trainer settings: {seen}"
        if type(seen).__name__ == "InstantiationException" and seen.__cause__ is None:
            return str(seen)
        seen = seen.__cause__
    refused = type(error).__name__ == "InstantiationException"
    return str(error).replace("\n", " ") if refused else None


def _of_the_machine(error: BaseException, folder: object) -> str | None:
    """The sentence for a disk that is full, a file that must not be written, and their like."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None:  # how libraries in Rust (safetensors, tokenizers) and Arrow put it
        found = re.search(r"(?:os error |errno )(\d+)", str(error))
        number = int(found[1]) if found else None
    if number not in REMEDIES:
        return None
    what = getattr(error, "filename", None) or f"A file below {folder}"
    return f"{what}: {os.strerror(number)}; {REMEDIES[number]}, then {AGAIN}."
