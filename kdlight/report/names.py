"""What tables call a network."""

from collections.abc import Mapping
from typing import Any

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


def is_teacher(arm: str, result: Mapping[str, Any]) -> bool:
    """Whether an arm of a result is a teacher, or the teacher of a variant."""
    of = arm.removesuffix("_teacher")
    return arm == "teacher" or (of != arm and of in result["variants"])
