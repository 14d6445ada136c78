"""Low-resource tasks: a task learnt from few rows a class, each draw of them a task of its own."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from kdlight.launch.help import config_folder
from kdlight.schema import nearest
from kdlight.types import UserError

log = logging.getLogger("kdlight")
Draw = dict[str, int]  # `rows` a class, `draw` its number


def listed(key: str, names: Iterable[str] | None) -> list[str]:
    """The names under a key.

    Raises:
        UserError: if they are no list.
    """
    if isinstance(names, str):
        raise UserError(f"{key}={names} must be a list, [{names}].")
    return list(names or ())


def known(key: str, names: Iterable[str], tasks: Iterable[str]) -> list[str]:
    """Those of `names` that are tasks of the job; says which of the others it might have had.

    Raises:
        UserError: if they are no list, or a name is that of no task at all.
    """
    wanted, there = listed(key, names), set(tasks)
    usual = {path.stem for path in (config_folder() / "task").glob("*.yaml")}
    for name in wanted:
        if name not in there | usual:
            hint = nearest(name, sorted(there)) or f"; this job has {', '.join(sorted(there))}"
            raise UserError(f"{key}: there is no task {name}{hint}.")
    if missing := [name for name in wanted if name not in there]:
        log.warning("%s names %s, which this job does not have.", key, ", ".join(missing))
    return [name for name in wanted if name in there]


def drawn(
    nodes: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Any]
) -> dict[str, tuple[dict[str, Any], Draw]]:
    """Node and draw of every low-resource task, by its name `<task>_<rows>rows_<draw>`.

    Args:
        nodes: of the tasks they are drawn from.
        wanted: the node `data.low_resource`.
    """
    found: dict[str, tuple[dict[str, Any], Draw]] = {}
    for task in known("data.low_resource.tasks", wanted["tasks"], nodes) if wanted["rows"] else []:
        node = {"folder": task, **nodes[task]}
        for rows in wanted["rows"]:
            for number in range(1, wanted["draws"] + 1):
                name = f"{task}_{rows}rows_{number}"
                found[name] = ({**node, "name": name}, {"rows": rows, "draw": number})
    return found


def warn_learnt(wanted: Mapping[str, Any], learnt: Iterable[str]) -> None:
    """Says which low-resource tasks the infused teacher has learnt from all their rows.

    Args:
        wanted: the node `data.low_resource`.
        learnt: the tasks that the teacher learns.
    """
    if wanted["rows"] and (both := sorted({*wanted["tasks"]} & {*learnt})):
        log.warning(
            "data.low_resource: the teacher learns %s from all rows, so its student has met more "
            "than the few: leave them out with 'teacher.leave_out=[%s]'.",
            ", ".join(both),
            ",".join(both),
        )
