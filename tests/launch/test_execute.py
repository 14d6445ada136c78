"""What is built in which order where another command is at some of it."""

from contextlib import suppress
from pathlib import Path
from signal import SIGTERM, raise_signal
from threading import Event, Thread
from time import sleep
from types import SimpleNamespace

import pytest
from filelock import FileLock

from kdlight.launch import execute
from kdlight.launch.execute import Executor
from kdlight.launch.graph import Node
from kdlight.launch.ranks import Ranks
from kdlight.launch.stop import Stop

TEACHER = Node("teacher", "rte", {})
DISTILLED = Node("student", "distilled", {"of": 1}, {"teacher": TEACHER})
GOLD = Node("student", "gold", {"of": 2})
SCORES = Node("evaluate", "gold", {}, {"model": GOLD})


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An executor, the titles of what is built, in order, and who else is at an artifact."""
    built = []

    def run(spec):
        built.append(spec.runtime["title"])
        (Path(spec.out) / "weights").write_text("")

    monkeypatch.setattr(execute.importlib, "import_module", lambda _: SimpleNamespace(run=run))
    found = Executor(tmp_path, Ranks(1))

    def another_at(node):
        place, taken = found.place(node), Event()
        place.lock.parent.mkdir(parents=True, exist_ok=True)

        def hold():
            with FileLock(place.lock):
                taken.set()
                while len(built) < 2:
                    sleep(0.01)
                sleep(0.3)

        Thread(target=hold, daemon=True).start()
        assert taken.wait(20)

    return found, built, another_at


def test_what_another_command_is_at_is_waited_for_last(world):
    executor, built, another_at = world
    another_at(TEACHER)
    executor.do([DISTILLED, GOLD, SCORES])
    assert built == ["student gold", "evaluate gold", "teacher rte", "student distilled"]
    assert executor.reused == []


def test_what_is_wanted_later_is_built_only_in_place_of_waiting(world):
    executor, built, another_at = world
    another_at(TEACHER)
    executor.do([TEACHER], [DISTILLED, SCORES])
    assert built == ["student gold", "evaluate gold", "teacher rte"]
    executor.do([DISTILLED], [SCORES])
    assert built[3:] == ["student distilled"]


def test_alone_it_is_built_in_the_order_asked_for(world):
    executor, built, _ = world
    executor.do([DISTILLED], [SCORES])
    executor.do([SCORES])
    assert built == ["teacher rte", "student distilled", "student gold", "evaluate gold"]


def test_a_stop_that_was_swallowed_ends_the_work_at_the_next_artifact(world):
    executor, built, _ = world
    with Stop():
        executor.do([GOLD])
        with suppress(BaseException):
            raise_signal(SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            executor.do([SCORES])
    assert built == ["student gold"]
