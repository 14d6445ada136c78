"""Does what is missing: one artifact after another, each under its lock."""

import importlib
import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kdlight.artifacts.place import (
    MANIFEST,
    Place,
    damage,
    discard,
    publish,
    published,
    remove,
)
from kdlight.launch.environment import git_commit, versions
from kdlight.launch.graph import Node, in_order, titles
from kdlight.launch.ranks import Ranks, run_ranks, workers_gone
from kdlight.launch.spent import spent_before
from kdlight.launch.stop import heed
from kdlight.measure.channel import channel
from kdlight.measure.meter import duration
from kdlight.types import StageSpec

log = logging.getLogger("kdlight")
WAITS = "%s: waits, another process builds it"
WAITED_FOR = ("pretrain",)  # kinds of artifacts that nearly all of a job rests on


@dataclass
class Executor:
    """Builds the missing artifacts of a job below `root`.

    Args:
        root: `outputs/artifacts`.
        ranks: of a distributed stage; one works in this process.
        extra: more runtime values for a node, such as its W&B run.
        processes: that build for the job; each computes with its part of the threads, but for
            what all others wait for.
    """

    root: Path
    ranks: Ranks
    extra: Callable[[Node], dict[str, Any]] | None = None
    processes: int = 1
    began: float = field(default_factory=time.time)
    _noted: dict[str, tuple[Node, bool]] = field(default_factory=dict)  # by fingerprint

    @property
    def reused(self) -> list[str]:
        """Titles of the artifacts that this job has not made."""
        named = titles(node for node, _ in self._noted.values())
        return [named[name] for name, (_, reused) in self._noted.items() if reused]

    @property
    def seconds(self) -> dict[str, float]:
        """How long it took to make each artifact that the job rests on, by title."""
        named = titles(node for node, _ in self._noted.values())
        return {named[name]: self.spent(node) or 0.0 for name, (node, _) in self._noted.items()}

    def spent(self, node: Node) -> float | None:
        """How long it took to make an artifact; None where it is not there."""
        place = self.place(node)
        return place.manifest().get("seconds", 0.0) if place.folder.is_dir() else None

    def place(self, node: Node) -> Place:
        """Where the node's artifact lies."""
        return Place(self.root, node.kind, node.fingerprint)

    def do(self, targets: Iterable[Node], meanwhile: Iterable[Node] = ()) -> None:
        """Makes every target whole, and all that a missing one rests on.

        What another process builds is waited for only where nothing else is left that can be built.

        Args:
            targets: what is wanted now.
            meanwhile: what will be wanted; built in part or whole in place of waiting.
        """
        todo = self._missing(targets)
        later: list[Node] | None = None
        while todo:
            if self._build_one(todo):
                continue
            later = self._missing(meanwhile) if later is None else later
            if not self._build_one(later):
                self._build(todo[0])  # the first rests on no other
                del todo[0]

    def _missing(self, targets: Iterable[Node]) -> list[Node]:
        """What has to be built for the targets, parents first."""
        nodes = list(in_order(targets))
        wanted = {target.fingerprint for target in targets}
        missing: list[Node] = []
        for node in reversed(nodes):
            whole = self._is_whole(node)
            if not whole and (node.fingerprint in wanted or whole is None):
                missing.append(node)
                wanted |= {parent.fingerprint for parent in node.parents.values()}
            elif whole:
                self._note(node)
        return missing[::-1]

    def _build_one(self, todo: list[Node]) -> bool:
        """Builds the first that can be, and takes it off the list; whether there was one."""
        names = {node.fingerprint for node in todo}
        for node in todo:
            rests = {parent.fingerprint for parent in node.parents.values()}
            if not rests & names and self._build(node, wait=False):
                todo.remove(node)
                return True
        return False

    def _is_whole(self, node: Node) -> bool | None:
        """True, False if absent, None if it was damaged and is now removed."""
        place = self.place(node)
        if not os.path.lexists(place.folder):
            return False
        fault = damage(place)
        if fault is None:
            return True
        with _locked(place, node.title):
            if os.path.lexists(place.folder) and damage(place) is not None:
                log.warning("%s is damaged (%s) and is built again", node.title, fault)
                discard(place)
        return None

    def _build(self, node: Node, wait: bool = True) -> bool:
        """Builds one artifact; False if another process does and this one is not to wait."""
        heed()
        place = self.place(node)
        lock = _locked(place, node.title)
        if not (wait or lock.taken()):
            return False
        with lock:
            if os.path.lexists(place.folder):
                if damage(place) is None:
                    self._note(node)
                    return True
                discard(place)
            lock.go_on()
            workers_gone(place)
            if published(place):
                self._note(node)
                return True
            if not place.working.is_dir():  # nothing to go on from: what lies there is in the way
                remove(place.building)
            started = time.monotonic() - spent_before(place)
            log.info("%s: builds", node.title)
            channel().tell(stage=node.title, share=0.0)
            spec = self._spec(node, place)
            self._run(node, place, spec)
            seconds = time.monotonic() - started
            publish(place, _facts(node, seconds))
            log.info("%s: done in %s", node.title, duration(seconds))
        self._noted[node.fingerprint] = (node, False)
        return True

    def _run(self, node: Node, place: Place, spec: StageSpec) -> None:
        if node.distributed and self.ranks.count > 1:
            run_ranks(spec, place, self.ranks)
            return
        stage = importlib.import_module(f"kdlight.stages.{node.kind}")
        heed()
        from kdlight.measure.threads import part_of_threads  # PyTorch, which the stage wants too

        with part_of_threads(1 if node.kind in WAITED_FOR else self.processes):
            stage.run(spec)

    def _spec(self, node: Node, place: Place) -> StageSpec:
        place.building.mkdir(parents=True, exist_ok=True)
        runtime = {**node.runtime, "title": node.title}
        if self.extra:
            runtime |= self.extra(node)
        inputs = {role: str(self.place(parent).folder) for role, parent in node.parents.items()}
        return StageSpec(node.kind, dict(node.config), inputs, str(place.building), runtime)

    def _note(self, node: Node) -> None:
        """Of an artifact that is there: it may be new all the same, of a process of this job."""
        written = (self.place(node).folder / MANIFEST).stat().st_mtime
        reused = self.processes == 1 or written < self.began
        self._noted.setdefault(node.fingerprint, (node, reused))


def _facts(node: Node, seconds: float) -> dict[str, Any]:
    parents = {role: parent.fingerprint for role, parent in node.parents.items()}
    return {
        "title": node.title,
        "config": node.config,
        "parents": parents,
        "seconds": round(seconds, 3),
        "versions": versions(),
        "git_commit": git_commit(),
    }


class _locked:  # noqa: N801
    """Holds the lock of a place; says so if another process has it, and lends its share meanwhile.

    The share is taken back by `go_on`, else when the lock is free for the next that waits.
    """

    def __init__(self, place: Place, title: str) -> None:
        place.lock.parent.mkdir(parents=True, exist_ok=True)
        self.lock, self.title, self.lent = FileLock(place.lock), title, False

    def taken(self) -> bool:
        """Takes the lock if it is free; whether this process has it."""
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def __enter__(self) -> "_locked":
        if not (self.lock.is_locked or self.taken()):
            log.info(WAITS, self.title)
            channel().lend()
            self.lent = True
            self.lock.acquire(poll_interval=0.2)
        return self

    def go_on(self) -> None:
        """Waits for a share if it has lent its own."""
        if self.lent:
            self.lent = False
            channel().take_back()

    def __exit__(self, *error: object) -> None:
        self.lock.release()
        if error[0] is None:
            self.go_on()
