from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands import SMOKE
from faults.harness import Nursery, contents, left_over, scores


@pytest.fixture(scope="session")
def nursery():
    """A process that has the big libraries loaded and forks commands."""
    made = Nursery()
    yield made
    made.close()


@dataclass(frozen=True)
class Run:
    """A finished run: its command, its folder, and what it made."""

    overrides: tuple[str, ...]
    folder: Path
    contents: dict[str, str]
    scores: list[Any]


@pytest.fixture(scope="session")
def whole(nursery, tmp_path_factory):
    """A smoke run that nothing disturbed, with checkpoints after (nearly) every step."""
    folder = tmp_path_factory.mktemp("whole")
    overrides = (*SMOKE, "trainer.checkpoint_seconds=0")
    command = nursery.start(folder, *overrides)
    assert command.wait() == 0, command.said()
    assert left_over(folder) == []
    return Run(overrides, folder, contents(folder), scores(folder))
