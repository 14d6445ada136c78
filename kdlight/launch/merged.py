"""Configuration nodes with changes."""

from collections.abc import Mapping
from typing import Any


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with the keys of `new`, mapping by mapping."""
    both = {
        key: merged(old[key], value)
        if isinstance(value, Mapping) and isinstance(old.get(key), Mapping)
        else value
        for key, value in new.items()
    }
    return {**old, **both}


def changed(parts: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of an arm with changes; epochs that are named alone take the place of steps."""
    found, trainer = merged(parts, changes), changes.get("trainer") or {}
    if trainer.get("max_epochs") is not None and "max_steps" not in trainer:
        found["trainer"] = {**found["trainer"], "max_steps": None}
    return found
