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
