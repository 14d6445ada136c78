"""What tables call a network."""

from collections.abc import Iterable, Mapping
from typing import Any

NAMED = 9  # tasks; of more a title names the first few
USUAL = {"teacher": "teacher", "baseline": "student, gold only", "student": "student, distilled"}
BY_METHOD: Mapping[str, Mapping[str, str]] = {
    "finetune": {"student": "student, gold only"},
    # Every network is fine-tuned on the task in the end; they differ in what came before.
    "agnostic": {"baseline": "student, random weights", "plain": "student, plain teacher"},
}


def network_name(arm: str, result: Mapping[str, Any]) -> str:
    """`student, distilled`, `teacher, plain`: the name of an arm of a result."""
    names = {**USUAL, **BY_METHOD.get(result["method"], {})}
    if arm in names:
        return names[arm]
    if is_teacher(arm, result):
        return f"teacher, {arm.removesuffix('_teacher').replace('_', ' ')}"
    return f"student, {arm.replace('_', ' ')}"


def tasks_name(tasks: Iterable[str]) -> str:
    """`sst2+rte`: tasks in a title, the first few where they are many."""
    found = list(tasks)
    if len(found) <= NAMED + 1:
        return "+".join(found)
    return f"{'+'.join(found[:NAMED])} and {len(found) - NAMED} more"


def is_teacher(arm: str, result: Mapping[str, Any]) -> bool:
    """Whether an arm of a result is a teacher, or the teacher of a variant."""
    of = arm.removesuffix("_teacher")
    return arm == "teacher" or (of != arm and of in result["variants"])
