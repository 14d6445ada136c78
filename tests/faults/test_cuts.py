"""Cut before every single change of a file: what is there is whole or is not trusted."""

import json
import shutil
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from faults.nursery import FILE_EVENTS

from kdlight.artifacts.place import Place, damage, discard, publish, published, write_whole
from kdlight.launch import execute
from kdlight.launch.execute import Executor
from kdlight.launch.graph import Node
from kdlight.launch.ranks import Ranks

FACTS = {"title": "student rte", "config": {"lr": 0.1}, "parents": {}}
FINGERPRINT = "0123456789abcdef"


class CutError(BaseException):
    """Stands for a kill."""


class Cut:
    """Raises before the `left`-th opening or change of a file."""

    left = 0

    def __call__(self, event, args):
        del args
        if self.left and event in FILE_EVENTS:
            self.left -= 1
            if not self.left:
                raise CutError


CUT = Cut()
sys.addaudithook(CUT)  # cannot be taken away; does nothing while `left` is 0


@contextmanager
def cut_before(count):
    """The block ends before its `count`-th touch of a file; yields whether it did."""
    was = SimpleNamespace(cut=False)
    CUT.left = count
    try:
        yield was
    except CutError:
        was.cut = True
    finally:
        CUT.left = 0


def every_cut(act, check, prepare=lambda: None):
    """Cuts `act()` before its first, second, ... touch; `check(cut)` after each; how many."""
    for count in range(1, 1000):
        prepare()
        with cut_before(count) as was:
            act()
        check(was.cut)
        if not was.cut:
            return count - 1
    raise AssertionError("it never ends")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "artifacts", "student", FINGERPRINT)


def build(place):
    (place.building / "train").mkdir(parents=True)
    (place.building / "weights.bin").write_bytes(bytes(range(256)))
    (place.building / "train/ids.npy").write_bytes(b"numbers")
    place.working.mkdir()
    (place.working / "last.ckpt").write_bytes(b"state")
    place.note.write_text("1.5")


def test_publishing(place):
    def prepare():
        shutil.rmtree(place.root, ignore_errors=True)
        build(place)

    def check(cut):
        assert (damage(place) is None) == (not cut)
        assert place.folder.exists() == (not cut)
        if cut:
            if not published(place):  # then nothing of what it goes on from is lost
                assert (place.working / "last.ckpt").read_bytes() == b"state"
                assert place.note.exists()
                publish(place, FACTS)
            assert damage(place) is None
            assert set(place.manifest()["files"]) == {"weights.bin", "train/ids.npy"}

    assert every_cut(lambda: publish(place, FACTS), check, prepare) >= 5


def test_discarding(place):
    def prepare():
        shutil.rmtree(place.root, ignore_errors=True)
        build(place)
        publish(place, FACTS)

    touched = []

    def check(cut):
        touched.append(damage(place) is None)
        if cut and place.folder.exists():
            discard(place)
        assert not place.folder.exists()

    assert every_cut(lambda: discard(place), check, prepare) >= 4
    assert touched == sorted(touched, reverse=True)  # once damaged, never whole again


def test_writing_a_result(tmp_path):
    path = tmp_path / "result.json"

    def act():
        write_whole(path, json.dumps(list(range(1000))))

    def check(cut):
        assert path.read_text() == ("old" if cut else json.dumps(list(range(1000))))
        if not cut:
            assert [p.name for p in tmp_path.iterdir()] == ["result.json"]

    assert every_cut(act, check, lambda: path.write_text("old")) >= 2


def stage(spec):
    """Trains nothing in three steps, with a state after each, and goes on from the last."""
    from pathlib import Path

    out = Path(spec.out)
    state = out / "checkpoints/state"
    state.parent.mkdir(exist_ok=True)
    done = int(state.read_text()) if state.exists() else 0
    for step in range(done, 3):
        (out / f"part{step}").write_text(f"{step}")
        write_whole(state, f"{step + 1}")
    (out / "weights").write_text("".join((out / f"part{n}").read_text() for n in range(3)))


@pytest.mark.parametrize("before", ["nothing", "a damaged artifact", "a file in its place"])
def test_building_an_artifact(tmp_path, monkeypatch, before):
    monkeypatch.setattr(execute.importlib, "import_module", lambda _: SimpleNamespace(run=stage))
    monkeypatch.setattr(execute, "_facts", lambda _node, seconds: {**FACTS, "seconds": seconds})
    node = Node("student", "rte", {})
    place = Executor(tmp_path / "artifacts", Ranks(1)).place(node)

    def act():
        Executor(tmp_path / "artifacts", Ranks(1)).do([node])

    def whole():
        return damage(place) is None and (place.folder / "weights").read_text() == "012"

    def prepare():
        shutil.rmtree(place.root, ignore_errors=True)
        if before == "a damaged artifact":
            act()
            (place.folder / "weights").write_text("01X")
        elif before != "nothing":
            place.folder.parent.mkdir(parents=True)
            place.folder.write_text("file")

    for count in range(1, 1000):
        prepare()
        with cut_before(count) as was:
            act()
        assert damage(place) is not None or whole()
        if not was.cut:
            break
        act()
        assert whole()
        assert sorted(p.suffix for p in place.folder.parent.iterdir()) == ["", ".lock", ".workers"]
    assert 15 < count < 1000


def test_a_chain_of_cuts_still_arrives(tmp_path, monkeypatch):
    """Each try gets one touch further than the one before it."""
    monkeypatch.setattr(execute.importlib, "import_module", lambda _: SimpleNamespace(run=stage))
    monkeypatch.setattr(execute, "_facts", lambda _node, seconds: {**FACTS, "seconds": seconds})
    node = Node("student", "rte", {})
    tries = every_cut(
        lambda: Executor(tmp_path / "artifacts", Ranks(1)).do([node]), lambda _cut: None
    )
    assert tries > 5
    assert damage(Executor(tmp_path / "artifacts", Ranks(1)).place(node)) is None
