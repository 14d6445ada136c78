"""Variants and refinements hold to what is asked of the first arm's own settings."""

import re
from collections.abc import Mapping
from typing import Any

from kdlight.launch.keys import check_nodes
from kdlight.launch.merged import changed, merged
from kdlight.launch.numbers import check_numbers
from kdlight.schema import check, check_keys, nearest
from kdlight.types import UserError

PARTS = (
    *("teacher", "student", "augmentation", "loss", "method", "mixing"),
    *("optimizer", "schedule", "trainer"),
)
# Names of networks in a result that are no variants'; the last of theirs with another teacher.
MAIN, TEACHER = ("teacher", "student", "baseline"), "_teacher"
# A job has one set of devices.
SHARED = ("accelerator", "devices", "num_nodes", "on_every_node", "strategy")


def check_name(name: str) -> None:
    """Refuses a variant with the name of another network, or one that no file can have.

    Raises:
        UserError: with the name.
    """
    if name in MAIN or name.endswith(TEACHER):
        raise UserError(
            f"variants.{name}: {', '.join(MAIN)} and names that end in {TEACHER} are those of "
            "other networks of a run: give the variant another name."
        )
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"variants.{name}: a name is of letters, digits, dots and hyphens.")


def check_variant(key: str, changes: object, main: Mapping[str, Any]) -> None:
    """Refuses changes of what no arm has, or of what all arms of a job share.

    Args:
        key: under which they stand.
        changes: the parts of an arm, each with its changed keys.
        main: the parts of the first arm.

    Raises:
        UserError: with the key, and the nearest that there is.
    """
    if not isinstance(changes, Mapping):
        raise UserError(f"{key}={changes} must map parts of an arm to their keys.")
    for part, node in changes.items():
        if part not in PARTS:
            raise UserError(f"{key}.{part}: an arm has {', '.join(PARTS)}{nearest(part, PARTS)}")
        if not isinstance(node, Mapping):
            raise UserError(f"{key}.{part}={node} must be a node with keys.")
    check_keys(f"{key}.teacher", changes.get("teacher", {}), main["teacher"])
    own = changes.get("trainer", {})
    if different := [k for k in SHARED if k in own and own[k] != main["trainer"].get(k)]:
        raise UserError(
            f"{key}.trainer.{different[0]}: all arms run on the same devices; set "
            f"trainer.{different[0]}= instead."
        )
    student = changes.get("student", {})
    if "start" in student and merged(main["student"], student).get("embeddings"):
        raise UserError(
            f"{key}.student.start: a student with embeddings of its own takes no layers of its "
            "teacher, and would be the same without: vary student.embeddings.start "
            "(+sweep=mkd_embeddings)."
        )


def check_arms(config: Mapping[str, Any], arms: Mapping[str, Mapping[str, Any]]) -> None:
    """Checks the settings of variants, and of all refinements, as those of the job are.

    Args:
        config: of the job.
        arms: their parts by name, `student` first.

    Raises:
        UserError: what is wrong, with the key.
    """
    for name, arm in arms.items():
        dot = "" if name in MAIN else f"variants.{name}."
        if dot:
            _check_as(dot[:-1], {**config, **arm})
        teacher = arm["teacher"]
        if (refine := teacher["refine"]) is not None:
            own = f"{dot}teacher.refine"
            if not isinstance(refine, Mapping):
                raise UserError(f"{own}={refine} must be a node with keys, as {{max_epochs: 1}}.")
            check_keys(own, refine, teacher)
            _check_as(own, {**config, **arm, "teacher": merged(teacher, refine)})
        if (refine := arm["method"].get("refine")) is not None:
            own = f"{dot}method.refine"
            check_variant(own, refine, arm)
            _check_as(own, {**config, **changed(arm, refine)})


def _check_as(key: str, config: Mapping[str, Any]) -> None:
    try:
        check_nodes(config)
        check(config)
        check_numbers(config)
    except UserError as error:
        raise UserError(f"{key}: {error}") from error
