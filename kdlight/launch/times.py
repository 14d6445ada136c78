"""How the networks of a job were trained: how long, and in what precision."""

from collections.abc import Callable, Collection, Mapping

from kdlight.launch.graph import Node, in_order

TEACHERS, STUDENTS = ("teacher", "pretrain"), ("student", "agnostic")


def training(
    networks: Mapping[str, Collection[Node]], spent: Callable[[Node], float | None]
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
        seconds = [spent(node) for node in _trained(nodes)]
        if seconds and None not in seconds:
            found[name] = round(sum(filter(None, seconds)), 3)
    return found


def precisions(networks: Mapping[str, Collection[Node]]) -> dict[str, str]:
    """In what precision each network was trained, which `auto` leaves to the machine."""
    used = {
        name: {n.config.get("precision") for n in _trained(networks[name])} for name in networks
    }
    return {name: "+".join(sorted(filter(None, found))) for name, found in used.items()}


def _trained(nodes: Collection[Node]) -> list[Node]:
    """The trainings that teachers or students rest on, the teachers of students left out."""
    teach = any(node.kind in ("teacher", "ensemble") for node in nodes)
    kinds = TEACHERS if teach else STUDENTS
    return [node for node in in_order(nodes) if node.kind in kinds]
