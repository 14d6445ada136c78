"""The settings of a run by their whole keys, and those that tell no runs apart."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kdlight.types import UserError


def flat(node: Any, before: str = "") -> Iterable[tuple[str, str]]:
    """The settings of a node by their whole keys."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from flat(value, f"{before}.{key}" if before else str(key))
    else:
        yield before, str(node)


def without_nulls(node: Any) -> Any:
    """A node without what is null: a run of an older version does not have such a key at all."""
    if not isinstance(node, Mapping):
        return node
    return {key: without_nulls(value) for key, value in node.items() if value is not None}


def put_aside(
    config: Mapping[str, Any], keys: Iterable[str], before: str = ""
) -> tuple[dict[str, Any], dict[str, str]]:
    """A configuration without some of its keys, and these with all below them, flat."""
    rest: dict[str, Any] = {}
    aside: dict[str, str] = {}
    for key, value in config.items():
        whole = f"{before}{key}"
        if whole in keys:
            aside |= dict(flat(value, whole))
        elif isinstance(value, Mapping):
            rest[key], more = put_aside(value, keys, f"{whole}.")
            aside |= more
        else:
            rest[key] = value
    return rest, aside


def check_put_aside(keys: Iterable[str], aside: Sequence[Mapping[str, str]]) -> None:
    """Checks that each key was there.

    Args:
        keys: of `report.disregard`.
        aside: what was put aside, a mapping a run.

    Raises:
        UserError: if no run has a setting that is to be disregarded.
    """
    for key in keys:
        if not any(f"{own}.".startswith(f"{key}.") for run in aside for own in run):
            raise UserError(f"report.disregard={key}: no run has such a setting.")
