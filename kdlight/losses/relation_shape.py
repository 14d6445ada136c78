"""Which layers of two networks a relation loss compares, and by how many heads; no torch."""

import math


def relation_layers(
    heads: int,
    teacher_layer: int,
    student_layer: int,
    teacher: dict[str, int],
    student: dict[str, int],
) -> tuple[int, int]:
    """The layers of teacher and student, counted from 1.

    Args:
        heads: relation heads, which must divide both widths.
        teacher_layer: counted from 1, or from the end if negative.
        student_layer: likewise.
        teacher: its `layers` and `hidden` width.
        student: likewise.

    Raises:
        ValueError: if the heads do not divide both widths, or a layer is not there.
    """
    both = math.gcd(student["hidden"], teacher["hidden"])
    if heads < 1 or both % heads:
        most = [number for number in range(1, both + 1) if both % number == 0][-4:]
        raise ValueError(
            f"heads={heads} does not divide the widths {teacher['hidden']} (teacher) and "
            f"{student['hidden']} (student); {', '.join(map(str, most))} divide both"
        )
    return (
        _layer("teacher", teacher_layer, teacher["layers"]),
        _layer("student", student_layer, student["layers"]),
    )


def _layer(name: str, wanted: int, layers: int) -> int:
    found = layers + 1 + wanted if wanted < 0 else wanted
    if not 1 <= found <= layers:
        raise ValueError(f"{name}_layer={wanted}: the {name} has layers 1 to {layers}")
    return found
