"""Numbers and names of a configuration that no stage could work with."""

import math
import re
from collections.abc import Mapping
from typing import Any

from kdlight.types import UserError

# Lowest value of each; a key may be null (or missing) where its type or stage allows it.
LOWEST = {
    **dict.fromkeys(("seed", "data.seed", "teacher.seed", "augmentation.seed"), 0),
    **{f"data.{key}": 1 for key in ("batch_size", "max_rows", "eval_rows", "text_rows")},
    **{f"data.{key}": 0 for key in ("unlabelled_rows", "student_labels", "selection_rows")},
    "data.max_length": 8,  # room for the special tokens of a pair, and some text
    **{f"teacher.{key}": 1 for key in ("batch_size", "evaluations", "threads", "ensemble")},
    **{f"trainer.{key}": 1 for key in ("max_epochs", "max_steps", "evaluations", "threads")},
    **dict.fromkeys(("teacher.max_epochs", "trainer.checkpoint_seconds"), 0),
    "augmentation.n_iter": 0,
}
HIGHEST = 2**32 - 1  # of any of them; seeds have no room for more


def check_numbers(config: Mapping[str, Any]) -> None:
    """Refuses a configuration with such a number, or with a name that is no folder's.

    Raises:
        UserError: with the key, what it holds, and what it may hold.
    """
    _check_finite("", config)
    for key, lowest in LOWEST.items():
        group, _, name = key.rpartition(".")
        value = (config[group] if group else config).get(name)
        whole = name != "checkpoint_seconds"
        what = "whole number" if whole else "number"
        fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if value is not None and not (fits and lowest <= value <= HIGHEST):
            raise UserError(f"{key}={value} must be a {what} of {lowest} or more.")
    if not config["outputs"]:
        raise UserError("outputs= names no folder: leave it out, or give one, outputs=DIR.")
    if not re.fullmatch(r"\w[\w.-]*", config["name"]):
        raise UserError(f"name={config['name']} must be of letters, digits, dots and hyphens.")


def _check_finite(key: str, value: object) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_finite(f"{key}.{name}" if key else str(name), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{key}={value} must be a finite number.")
