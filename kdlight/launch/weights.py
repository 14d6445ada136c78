"""Weights of tasks and of losses, and rules of mixing: refused before anything is built."""

from collections.abc import Iterable, Mapping
from typing import Any

from hydra.utils import instantiate

from kdlight.schema import nearest
from kdlight.tasks.checks import check_taken
from kdlight.types import UserError, settings_of


def check_weights(parts: Mapping[str, Any], tasks: Iterable[str]) -> None:
    """Refuses weights of an arm that are negative, or of no task, and names that none can have.

    Raises:
        UserError: with the key.
    """
    for name in parts["loss"]:
        check_taken("A loss", name)
    given = {
        "method.module.task_weights": parts["method"]["module"].get("task_weights") or {},
        "loss": {name: node.get("weight", 1.0) for name, node in parts["loss"].items()},
    }
    for key, weights in given.items():
        for name, weight in weights.items():
            full = f"{key}.{name}" + (".weight" if key == "loss" else "")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
                raise UserError(f"{full}={weight} must be a number that is not negative.")
            if key != "loss" and name not in (known := list(tasks)):
                raise UserError(f"{full}: there is no task {name}{nearest(name, known)}")
    check_mixing("mixing", parts["mixing"], tasks)


def check_mixing(key: str, node: Mapping[str, Any], tasks: Iterable[str]) -> None:
    """Refuses a rule of mixing that its settings do not fit.

    Raises:
        UserError: with what the rule says.
    """
    with settings_of(key):
        instantiate(node)(dict.fromkeys(tasks, 1), 0.0)


def of_tasks(node: Mapping[str, Any], key: str, tasks: Iterable[str]) -> dict[str, Any]:
    """The node with those of its weights, under `key`, that are of some tasks."""
    if not node.get(key):
        return dict(node)
    kept = set(tasks)
    return {**node, key: {task: w for task, w in node[key].items() if task in kept}}
