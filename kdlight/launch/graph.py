"""What an artifact is made of: a graph whose nodes name themselves by their content."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kdlight.artifacts.fingerprint import fingerprint


@dataclass(frozen=True)
class Node:
    """An artifact to be: its stage, what decides its content, and what it is made from.

    `runtime` (devices, paths, logging) reaches the stage but not the fingerprint. The stages
    of `distributed` nodes run on every device of the trainer.
    """

    kind: str
    label: str
    config: Mapping[str, Any]
    parents: Mapping[str, "Node"] = field(default_factory=dict)
    runtime: Mapping[str, Any] = field(default_factory=dict)
    distributed: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """The artifact's name, from its configuration and its parents' names."""
        parents = {role: node.fingerprint for role, node in self.parents.items()}
        return fingerprint(self.kind, self.config, parents)

    @property
    def title(self) -> str:
        """How logs and tables call it, such as `student sst2 (gold only)`."""
        return f"{self.kind} {self.label}".strip()


def in_order(targets: Iterable[Node]) -> Iterator[Node]:
    """Every node the targets rest on, parents first, each once."""
    seen: set[str] = set()

    def visit(node: Node) -> Iterator[Node]:
        if node.fingerprint in seen:
            return
        seen.add(node.fingerprint)
        for parent in node.parents.values():
            yield from visit(parent)
        yield node

    for target in targets:
        yield from visit(target)


def titles(nodes: Iterable[Node]) -> dict[str, str]:
    """Titles by fingerprint; those that several nodes share end with a part of it."""
    found = {node.fingerprint: node.title for node in nodes}
    count = Counter(found.values())
    return {
        name: title if count[title] == 1 else f"{title} {name[:8]}" for name, title in found.items()
    }


def with_members(networks: Iterable[Node]) -> Iterator[Node]:
    """The networks that were trained: of an ensemble its members; each once."""
    seen: set[str] = set()
    for network in networks:
        members = [n for n in network.parents.values() if n.kind == "teacher"]
        for node in members if network.kind == "ensemble" else [network]:
            if node.fingerprint not in seen:
                seen.add(node.fingerprint)
                yield node


def bodies(networks: Iterable[Node]) -> Iterator[Node]:
    """What networks rest on that was trained on plain text."""
    return (node for node in in_order(networks) if node.kind in ("pretrain", "agnostic"))
