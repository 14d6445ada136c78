"""The words of a sweep's command, and which of them its jobs' commands need too."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override

from kdlight.types import UserError

# Of Hydra itself: where a job writes and who starts it is the sweep's to say.
OURS = ("hydra.run.", "hydra.sweep.", "hydra.mode", "hydra.launcher", "hydra/launcher",
        "hydra.sweeper", "hydra/sweeper", "launcher.", "launcher=")  # fmt: skip


def is_override(word: str) -> bool:
    """Whether a word is no flag such as `--config-dir`, nor the value of one."""
    return word.startswith("~") or ("=" in word and not word.startswith("-"))


def key_of(word: str) -> str:
    """What an override sets."""
    return word.split("=", 1)[0].lstrip("+~")


def own(overrides: Iterable[str]) -> list[str]:
    """The overrides of a job's own command."""
    return [word for word in overrides if not word.lstrip("+~").startswith(OURS)]


def flags(hydra: Mapping[str, Any]) -> list[str]:
    """Words of this command that every job's command needs: flags, and what is said to Hydra.

    Args:
        hydra: Hydra's node of the sweep's configuration.
    """
    words = [w for w in sys.argv[1:] if w not in ("-m", "--multirun") and not is_override(w)]
    return words + own(hydra["overrides"]["hydra"])


def check_swept(words: Sequence[str], config: Mapping[str, Any]) -> None:
    """Refuses a job that would have to be a sweep itself.

    Args:
        words: overrides of the job.
        config: its configuration, with Hydra's node.

    Raises:
        UserError: with what to type instead.
    """
    keys = {key_of(word) for word in words}
    swept = set(map(key_of, config["hydra"]["sweeper"].get("params") or ()))
    if missing := sorted(swept - keys):
        raise UserError(
            f"It would have to sweep {', '.join(missing)} itself. Several files are swept at once "
            "by a list in quotes: '+sweep=[seeds,losses]'."
        )


def check_not_swept(swept: Iterable[str]) -> None:
    """Refuses what is one for all jobs.

    Args:
        swept: keys of the values that are swept.

    Raises:
        UserError: with the key.
    """
    for key in swept:
        if key == "launcher" or key.startswith("launcher."):
            raise UserError(
                f"{key} is of the sweep, not of a job: give it one value, such as "
                "launcher.max_parallel=2."
            )


def check_listed(overrides: Iterable[Override]) -> None:
    """Refuses values that only a search draws from, where there is none.

    Raises:
        UserError: with what to type instead.
    """
    for override in overrides:
        if override.is_interval_sweep():
            raise UserError(
                f"{override.input_line}: from an interval a search draws, and this is none. Add "
                "hydra.sweeper.trials=N, or list the values: a,b,c."
            )


def check_folders(hydra: Iterable[str]) -> None:
    """Refuses folders of jobs that are not where the sweep looks for them.

    Args:
        hydra: what is said to Hydra itself.

    Raises:
        UserError: with what to type instead.
    """
    for word in hydra:
        if key_of(word) == "hydra.sweep.subdir":
            raise UserError(
                f"{word}: the folder of a job is called by its number. Where these lie is said by "
                "hydra.sweep.dir=DIR."
            )


def check_experiments(words: Iterable[str]) -> None:
    """Refuses several experiments in one command.

    Raises:
        UserError: with what to type instead.
    """
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+~") == "experiment" and any(sign in value for sign in ",(["):
            names = re.findall(r"[^\s,()\[\]'\"]+", value.removeprefix("choice"))
            each = ", then ".join(f"+experiment={name}" for name in names)
            raise UserError(
                f"{word}: a command is of one experiment. Type one for each, {each}; what they "
                "share is built once."
            )
