"""Which layers of a teacher a student starts from. Imports nothing heavy."""

from collections.abc import Mapping, Sequence
from typing import Any


def start_layers(layers: str | Sequence[int], student: int, teacher: int) -> list[int]:
    """Numbers, from 0, of the teacher's layers that the student's layers start from.

    Args:
        layers: `first`, `last`, `spread` (evenly, the last one among them: every other layer for
            half the depth), or the numbers themselves.
        student: layers of the student.
        teacher: layers of the teacher.

    Raises:
        ValueError: if the teacher has no such layers, or there is no such rule.
    """
    if isinstance(layers, str):
        rules = {
            "first": list(range(student)),
            "last": list(range(teacher - student, teacher)),
            "spread": [round((i + 1) * teacher / student) - 1 for i in range(student)],
        }
        if layers not in rules:
            raise ValueError(f"layers={layers} is not one of {', '.join(rules)} or a list")
        if student > teacher:
            raise ValueError(
                f"{student} layers cannot start from the teacher's {teacher}: give the student "
                f"fewer (student.encoder.shape.num_hidden_layers={teacher}) or random weights "
                "(student.start.from=random)"
            )
        return rules[layers]
    if not isinstance(layers, Sequence) or any(type(layer) is not int for layer in layers):
        raise ValueError(f"layers={layers} must be a rule or a list of whole numbers")
    chosen: list[Any] = list(layers)
    if len(chosen) != student:
        raise ValueError(f"layers names {len(chosen)} layers, the student has {student}")
    for layer in chosen:
        if not 0 <= layer < teacher:
            raise ValueError(f"layer {layer} is beyond the {teacher} layers (0 to {teacher - 1})")
    return chosen


def check_fit(student: Mapping[str, Any], teacher: Mapping[str, Any], poolers: bool) -> None:
    """Refuses a student whose weights could not be copied from its teacher's.

    Args:
        student: fields of its Hugging Face configuration.
        teacher: likewise.
        poolers: whether the teacher has a pooler if the student needs one.

    Raises:
        ValueError: with what differs.
    """
    for key in ("model_type", "hidden_size", "intermediate_size", "num_attention_heads"):
        if key in student and key in teacher and student[key] != teacher[key]:
            raise ValueError(
                f"the student's {key} is {student[key]}, the teacher's {teacher[key]}: it can only "
                "start from a teacher of the same architecture, widths and heads, or from=random"
            )
    longest = "max_position_embeddings"
    if longest in teacher and student.get(longest, 0) > teacher[longest]:
        raise ValueError(
            f"the student's {longest} is {student[longest]}, and the teacher has only "
            f"{teacher[longest]} to start from"
        )
    if not poolers:
        raise ValueError("the teacher has no pooler: set student.encoder.pooling=mean")
