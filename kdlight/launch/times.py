"""How long the networks of a job were trained, each with what it was made from."""

from collections.abc import Callable, Iterable, Mapping

from kdlight.launch.graph import Node, in_order

TEACHERS, STUDENTS = ("teacher", "pretrain"), ("student", "agnostic")


def training(
    networks: Mapping[str, Iterable[Node]], spent: Callable[[Node], float | None]
) -> dict[str, float]:
    """Seconds by network: every training it rests on, but a student's without its teacher's.

    Candidates that were trained to choose one of them count. A network is left out where an
    artifact that it was made from is gone.

    Args:
        networks: their artifacts, by name.
        spent: how long it took to make one.
    """
    found = {}
    for name, nodes in networks.items():
        nodes = list(nodes)
        teaches = any(node.kind in ("teacher", "ensemble") for node in nodes)
        kinds = TEACHERS if teaches else STUDENTS
        seconds = [spent(node) for node in in_order(nodes) if node.kind in kinds]
        if seconds and None not in seconds:
            found[name] = round(sum(filter(None, seconds)), 3)
    return found
