"""Which failures are the user's to mend, and the sentence to show for them."""

import errno

from kdlight.types import UserError


class StageError(Exception):
    """A rank of a stage ended badly; the message names its log."""


def mistake(error: BaseException) -> str | None:
    """The sentence for a failure without a traceback, or None for a fault of the program.

    Hydra wraps what a constructor refuses; the refusal is what the user has to read.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError | StageError):
            return str(seen)
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return (
                f"The disk is full ({seen.filename or 'while writing'}): free some room and run "
                "the same command again, it continues where it was."
            )
        if type(seen).__name__ == "MisconfigurationException":
            return f"Lightning cannot run with these trainer settings: {seen}"
        if type(seen).__name__ == "InstantiationException" and seen.__cause__ is None:
            return str(seen)
        seen = seen.__cause__
    refused = type(error).__name__ == "InstantiationException"
    return str(error).replace("\n", " ") if refused else None
