"""Which layer of the teacher stands beside which layer of the student. Imports nothing heavy."""

from collections.abc import Sequence

LayerMap = str | Sequence[Sequence[int]]
MAPS = ("uniform", "last")


def layer_pairs(layers: LayerMap, student: int, teacher: int) -> list[tuple[int, int]]:
    """Pairs (student layer, teacher layer), counted from 1.

    Args:
        layers: `uniform` (layer i beside layer i * teacher / student, as in TinyBERT, arXiv
            1909.10351), `last` (the student's layers beside as many last ones of the teacher),
            or the pairs themselves, where 0 is the embeddings.
        student: layers of the student.
        teacher: layers of the teacher.

    Raises:
        ValueError: if a pair names a layer that is not there, or is none, or there is no such rule.
    """
    if isinstance(layers, str):
        if layers not in MAPS:
            raise ValueError(f"layers={layers} is not one of {', '.join(MAPS)} or a list of pairs")
        if student > teacher:
            raise ValueError(f"layers={layers} needs a teacher of {student} layers or more")
        if layers == "uniform":
            return [(i, round(i * teacher / student)) for i in range(1, student + 1)]
        return [(i, teacher - student + i) for i in range(1, student + 1)]
    pairs = _given(layers)
    for first, second in pairs:
        if not 0 <= first <= student or not 0 <= second <= teacher:
            raise ValueError(
                f"layers: pair [{first}, {second}] is beyond the {student} layers of the student "
                f"or the {teacher} of the teacher"
            )
    if not pairs:
        raise ValueError("layers holds no pair")
    return pairs


def patient_pairs(layers: LayerMap, student: int, teacher: int) -> list[tuple[int, int]]:
    """As `layer_pairs`, but a rule leaves out the student's last layer (PKD, arXiv 1908.09355).

    Raises:
        ValueError: likewise, and if nothing is left.
    """
    pairs = layer_pairs(layers, student, teacher)
    if isinstance(layers, str):
        pairs = [pair for pair in pairs if pair[0] < student]
    if not pairs:
        raise ValueError("PKD needs a student of two layers or more, or explicit layers")
    return pairs


def _given(layers: object) -> list[tuple[int, int]]:
    if not isinstance(layers, Sequence):
        raise ValueError(f"layers={layers} is not one of {', '.join(MAPS)} or a list of pairs")
    pairs = []
    for pair in layers:
        if not isinstance(pair, Sequence) or [type(number) for number in pair] != [int, int]:
            raise ValueError(f"layers: {pair} is no pair [student's layer, teacher's layer]")
        pairs.append((pair[0], pair[1]))
    return pairs
