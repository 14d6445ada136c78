"""Numbers and names of a configuration that no stage could work with."""

import math
import re
from collections.abc import Mapping
from typing import Any

from kdlight.schema import nearest
from kdlight.types import UserError

PARTS = ("teacher.max_epochs", "trainer.checkpoint_seconds")  # that need not be whole
# Lowest value of each; a key may be null (or missing) where its type or stage allows it.
LOWEST = {
    **dict.fromkeys(("seed", "data.seed", "teacher.seed", "augmentation.seed"), 0),
    "method.text.seed": 0,
    **{f"data.{key}": 1 for key in ("batch_size", "max_rows", "eval_rows", "text_rows")},
    **{f"data.{key}": 1 for key in ("corpus_rows", "doc_stride", "low_resource.draws")},
    **{f"data.{key}": 0 for key in ("unlabelled_rows", "student_labels", "selection_rows")},
    # Room for the special tokens of a pair, and some text.
    **dict.fromkeys(("data.max_length", "data.block_length"), 8),
    **{f"teacher.{key}": 1 for key in ("batch_size", "evaluations", "threads", "ensemble")},
    **{f"trainer.{key}": 1 for key in ("max_epochs", "max_steps", "evaluations", "threads")},
    **dict.fromkeys((*PARTS, "teacher.min_steps", "trainer.min_steps"), 0),
    **{
        f"{node}.{key}": 1
        for node in ("method.text", "teacher.pretrain")
        for key in ("max_steps", "evaluations", "batch_size")
    },
    **{
        f"{node}.{key}": 1
        for node in ("teacher.shape", "student.encoder.shape")
        for key in ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
    },
    "augmentation.n_iter": 0,
    **{f"launcher.{key}": 1 for key in ("processes", "max_parallel", "cpus_per_job")},
    "launcher.gpus_per_job": 0,
}
SHARES = ("method.text.share", "teacher.pretrain.share")  # above 0, and at most 1
# Lists of different numbers: whole ones of 1 or more, or any above 0.
LISTS = {"data.low_resource.rows": True, "method.rates": False}
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
TRAINED = ("trainer", "method.text", "teacher", "teacher.pretrain")  # each with its precision
HIGHEST = 2**32 - 1  # of any of them; seeds have no room for more


def check_numbers(config: Mapping[str, Any]) -> None:
    """Refuses a configuration with such a number, or with a name that is no folder's.

    Raises:
        UserError: with the key, what it holds, and what it may hold.
    """
    _check_finite("", config)
    for key, lowest in LOWEST.items():
        value = _value(config, key)
        whole = key not in PARTS
        what = "whole number" if whole else "number"
        if value is not None and not (_is_number(value, whole) and lowest <= value <= HIGHEST):
            raise UserError(f"{key}={value} must be a {what} of {lowest} or more.")
    if config["trainer"]["max_epochs"] is None and config["trainer"]["max_steps"] is None:
        raise UserError("Nothing says how long to train: set trainer.max_epochs= or max_steps=.")
    for key in SHARES:
        value = _value(config, key)
        if value is not None and not (_is_number(value) and 0 < value <= 1):
            raise UserError(f"{key}={value} must be a share above 0, of 1 at most, such as 0.15.")
    for key, whole in LISTS.items():
        _check_list(key, _value(config, key), whole)
    _check_precisions(config)
    if not config["outputs"]:
        raise UserError("outputs= names no folder: leave it out, or give one, outputs=DIR.")
    if not re.fullmatch(r"\w[\w.-]*", config["name"]):
        raise UserError(f"name={config['name']} must be of letters, digits, dots and hyphens.")


def _value(config: Mapping[str, Any], key: str) -> Any:
    """What stands at a key with dots in it; None where a part of the way is missing."""
    found: Any = config
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_number(value: object, whole: bool = False) -> bool:
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _check_precisions(config: Mapping[str, Any]) -> None:
    for node in TRAINED:
        found = _value(config, f"{node}.precision")
        if found is not None and found not in PRECISIONS:
            hint = nearest(str(found), PRECISIONS)
            raise UserError(f"{node}.precision={found} is not one of {', '.join(PRECISIONS)}{hint}")


def _check_list(key: str, value: Any, whole: bool) -> None:
    if value is None:
        return
    numbers: list[Any] = value if isinstance(value, list) else [None]
    fits = all(_is_number(n, whole) and 0 < n <= HIGHEST for n in numbers)
    if not fits or len(set(numbers)) < len(numbers):
        what = "whole numbers of 1 or more" if whole else "numbers above 0"
        raise UserError(f"{key}={value} must be a list of different {what}.")


def _check_finite(key: str, value: object) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_finite(f"{key}.{name}" if key else str(name), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{key}={value} must be a finite number.")
