"""What a killed build left is damaged too: it is done again, or one sentence says why not."""

import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from faults.harness import ROUNDS, contents, left_over, scores, sentence, wait_until

from kdlight.artifacts.place import Place
from kdlight.launch.execute import Executor
from kdlight.launch.graph import Node
from kdlight.launch.ranks import Ranks
from kdlight.stages import teacher_outputs


class CutError(Exception):
    """Stands for a kill."""


STATE = "checkpoints/last.*.ckpt"


@pytest.fixture(scope="module")
def cut(nursery, whole, tmp_path_factory):
    """Copies of a run killed while it trained: `teacher`, and `student` with a whole teacher."""
    base = tmp_path_factory.mktemp("cut")
    folder = base / "run"
    folder.mkdir()
    for kind in ("teacher", "student"):
        command = nursery.start(folder, *whole.overrides)
        pattern = f"outputs/artifacts/{kind}/*.building/{STATE}"
        wait_until(lambda p=pattern: list(folder.glob(p)), 240, command.said)
        command.kill()
        assert command.wait() == -signal.SIGKILL
        shutil.copytree(folder, base / kind)
    return base


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replaced(path):
    path.unlink()
    path.mkdir()
    (path / "data.pkl").write_bytes(b"x")


DAMAGE = {
    "a bit is flipped": flipped,
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(random.Random(0).randbytes(10_000)),
    "a folder": replaced,
}


CASES = [("teacher", "a bit is flipped"), ("student", "cut in half"), ("student", "a folder")]
if ROUNDS > 1:
    CASES = [(kind, change) for kind in ("teacher", "student") for change in DAMAGE]


@pytest.mark.parametrize(("kind", "change"), CASES)
def test_a_damaged_state_is_not_gone_on_from(nursery, whole, cut, tmp_path, kind, change):
    folder = tmp_path / "run"
    shutil.copytree(cut / kind, folder)
    (building,) = folder.glob(f"outputs/artifacts/{kind}/*.building")
    for state in building.glob(STATE):
        DAMAGE[change](state)
    (building / "metrics.csv").write_bytes(b"step,metric\n\xff\0")
    command = nursery.start(folder, *whole.overrides)
    assert command.wait() == 0, command.said()
    assert "is damaged and is not used" in command.said()
    assert "continues from the checkpoint" not in command.said()
    assert contents(folder) == whole.contents
    assert scores(folder) == whole.scores
    assert left_over(folder) == []


def test_a_whole_state_is_gone_on_from(nursery, whole, cut, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(cut / "student", folder)
    command = nursery.start(folder, *whole.overrides)
    assert command.wait() == 0, command.said()
    assert "student sst2 (student): continues from the checkpoint" in command.said()
    assert contents(folder) == whole.contents


def test_the_state_of_another_network_is_refused_in_one_sentence(nursery, whole, cut, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(cut / "student", folder)
    (state,) = folder.glob(f"outputs/artifacts/student/*.building/{STATE}")
    (other,) = (cut / "teacher").glob(f"outputs/artifacts/teacher/*.building/{STATE}")
    state.unlink()
    foreign = Path(shutil.copy(other, state.parent))
    command = nursery.start(folder, *whole.overrides)
    assert command.wait() == 2
    said = sentence(command.said())
    assert "cannot go on from" in said
    assert foreign.name in said
    assert "remove it" in said
    foreign.unlink()
    again = nursery.start(folder, *whole.overrides)
    assert again.wait() == 0, again.said()
    assert contents(folder) == whole.contents


def test_a_building_folder_of_anything_is_cleared(nursery, whole, tmp_path):
    """Half-built folders without a state: whatever lies there is no part of the artifact."""
    folder = tmp_path / "run"
    shutil.copytree(whole.folder, folder)
    kinds = [path for path in (folder / "outputs/artifacts").iterdir() if path.is_dir()]
    for number, kind in enumerate(sorted(kinds)):
        for made in [path for path in kind.iterdir() if path.is_dir()]:
            building = made.with_suffix(".building")
            made.rename(building)
            if number % 2:
                (building / "stray.arrow").write_bytes(b"garbage")
            else:
                shutil.rmtree(building)
                building.write_text("a file")
    command = nursery.start(folder, *whole.overrides)
    assert command.wait() == 0, command.said()
    assert contents(folder) == whole.contents
    assert left_over(folder) == []


@pytest.fixture
def store(whole, tmp_path, monkeypatch):
    """`store(name)`: fills the store of the finished run's teacher, many shards, in that folder."""
    monkeypatch.setattr(teacher_outputs, "SHARD_TOKENS", 400)
    root = whole.folder / "outputs/artifacts"
    (made,) = root.glob("teacher_outputs/*/manifest.json")
    place = Place(root, "teacher_outputs", made.parent.name)
    manifest = place.manifest()
    inputs = {role: str(root / role / name) for role, name in manifest["parents"].items()}
    (tmp_path / "artifacts").mkdir()
    runtime = {"trainer": {"accelerator": "cpu"}, "threads": 1, "batch_tokens": 2048}
    node = Node("teacher_outputs", "sst2", manifest["config"], {}, runtime)

    def fill(out):
        spec = Executor(tmp_path, Ranks(1))._spec(node, Place(tmp_path, "x", out))
        spec = type(spec)(spec.kind, spec.config, inputs, spec.out, spec.runtime)
        teacher_outputs.run(spec)
        return np.load(Path(spec.out) / "logits.npy"), Path(spec.out)

    return fill


def overwritten(folder):
    """Another number in one row of every finished shard."""
    values = np.lib.format.open_memmap(folder / "logits.npy", "r+")
    values[::3] += 1
    values.flush()


def truncated(folder):
    path = folder / "logits.npy"
    path.write_bytes(path.read_bytes()[:-100])


def marked(folder):
    for number in range(100):
        (folder / f"checkpoints/{number}").write_text("")


def reshaped(folder):
    np.save(folder / "logits.npy", np.zeros((3, 2), np.float32))


def no_ids(folder):
    (folder / "ids.npy").write_bytes(b"\x93NUMPY")


@pytest.mark.parametrize("change", [None, overwritten, truncated, marked, reshaped, no_ids])
def test_a_half_filled_store_is_never_other_than_a_whole_one(store, monkeypatch, change):
    expected, whole = store("whole")
    mark, marks = teacher_outputs.write_whole, []

    def cutting(*args):
        marks.append(1)
        if len(marks) == 4:
            raise CutError
        mark(*args)

    with monkeypatch.context() as patch:
        patch.setattr(teacher_outputs, "write_whole", cutting)
        with pytest.raises(CutError):
            store("cut")
    folder = whole.with_name("cut.building")
    assert 1 <= len(list((folder / "checkpoints").iterdir())) < 10
    if change:
        change(folder)
    again, folder = store("cut")
    assert np.array_equal(again, expected)
    assert (folder / "ids.npy").read_bytes() == (whole / "ids.npy").read_bytes()
