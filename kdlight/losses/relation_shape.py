"""Which layers of two networks a relation loss compares, and by how many heads; no torch."""

import math
from collections.abc import Sequence

USUAL = (48, 24, 16, 12, 8, 6, 4, 3, 2, 1)


def relation_shape(
    heads: int | None, layers: tuple[int, int], teacher: tuple[int, int], student: tuple[int, int]
) -> tuple[int, int, int]:
    """Relation heads, and the layers of teacher and student counted from 1.

    Args:
        heads: must divide both widths; None: 48 (as MiniLMv2) or the next usual number that does.
        layers: of teacher and student, counted from 1, or from the end if negative.
        teacher: its number of layers and its width.
        student: likewise.

    Raises:
        ValueError: if the heads do not divide both widths, or a layer is not there.
    """
    both = math.gcd(student[1], teacher[1])
    if heads is None:
        heads = next(number for number in USUAL if both % number == 0)
    if type(heads) is not int or heads < 1 or both % heads:
        most = [number for number in range(1, both + 1) if both % number == 0][-4:]
        raise ValueError(
            f"heads={heads} does not divide the widths {teacher[1]} (teacher) and {student[1]} "
            f"(student); {', '.join(map(str, most))} divide both"
        )
    found = (_layer("teacher", layers[0], teacher[0]), _layer("student", layers[1], student[0]))
    return (heads, *found)


def check_weights(weights: Sequence[float] | None) -> None:
    """Refuses weights that are not one each for queries, keys and values; None: the usual ones.

    Raises:
        ValueError: if they are not three, one is below 0, or all are 0.
    """
    if weights is None:
        return
    if len(weights) != 3 or min(weights) < 0 or not any(weights):
        raise ValueError(
            f"weights={list(weights)} must be three numbers of 0 or more, not all 0: those "
            "of queries, keys and values"
        )


def _layer(name: str, wanted: int, layers: int) -> int:
    if type(wanted) is not int:
        raise ValueError(f"{name}_layer={wanted} must be a whole number")
    found = layers + 1 + wanted if wanted < 0 else wanted
    if not 1 <= found <= layers:
        raise ValueError(f"{name}_layer={wanted}: the {name} has layers 1 to {layers}")
    return found
