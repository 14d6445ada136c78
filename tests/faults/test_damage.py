"""Whatever is done to the files of a finished run, none is trusted and all come back."""

import json
import random
import re
import shutil
from itertools import pairwise

import pytest
from faults.harness import ROUNDS, contents, left_over, scores

from kdlight.artifacts.place import MANIFEST, Place, damage


def places(folder):
    """The artifacts of a run."""
    root = folder / "outputs/artifacts"
    found = [Place(root, path.parents[0].name, path.name) for path in root.glob("*/*/")]
    return [place for place in found if place.folder.is_dir()]


@pytest.fixture(scope="module")
def finished(whole, tmp_path_factory):
    """A copy of the finished run, to be damaged and mended in turn."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(whole.folder, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def all_files(finished):
    """(place, file) of every file of every artifact, manifests too."""
    found = [(p, f) for p in places(finished) for f in sorted(p.folder.rglob("*")) if f.is_file()]
    assert {place.kind for place, _ in found} >= {"teacher", "student", "tokens", "evaluate"}
    assert len(found) > 50
    assert all(damage(place) is None for place in places(finished))
    return found


def mend(file, content):
    if file.is_symlink() or file.is_file():
        file.unlink()
    elif file.is_dir():
        shutil.rmtree(file)
    file.write_bytes(content)


def flips(content, draw):
    """The content with one bit changed: first, last and random bytes."""
    size = len(content)
    for place in (0, size - 1, *(draw.randrange(size) for _ in range(6 * ROUNDS))):
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        yield f"bit of byte {place}", bytes(changed)
        changed[place] = content[place] ^ draw.randrange(1, 256)
        yield f"byte {place}", bytes(changed)


def other_bytes(content, draw):
    yield "emptied", b""
    yield "cut by one byte", content[:-1]
    yield "cut in half", content[: len(content) // 2]
    yield "appended", content + b"\0"
    yield "of zeros", bytes(len(content))
    yield "of noise", draw.randbytes(len(content))


def test_other_bytes_are_found_in_every_file(all_files):
    draw = random.Random(0)
    missed = []
    for place, file in all_files:
        content = file.read_bytes()
        for name, changed in (*flips(content, draw), *other_bytes(content, draw)):
            if changed != content:
                file.write_bytes(changed)
                if damage(place) is None:
                    missed.append((str(file), name))
        mend(file, content)
        assert damage(place) is None
    assert missed == []


def test_other_files_are_found(all_files, tmp_path):
    outside = tmp_path / "outside"
    for place, file in all_files:
        content = file.read_bytes()
        outside.write_bytes(content)
        for change in (
            lambda _: None,
            lambda f: f.mkdir(),
            lambda f: f.symlink_to(outside),
            lambda f: f.symlink_to("nowhere"),
            lambda f: f.with_name(f.name + "2").write_bytes(b"x"),
        ):
            file.unlink()
            change(file)
            fault = damage(place)
            assert fault is not None, file
            assert len(fault.splitlines()) == 1
            mend(file, content)
            file.with_name(file.name + "2").unlink(missing_ok=True)
        assert damage(place) is None


def test_swapped_files_are_found(all_files):
    pairs = list(pairwise(all_files))
    assert sum(one[0] == other[0] for one, other in pairs) > 10
    for (place, file), (other_place, other) in pairs:
        first, second = file.read_bytes(), other.read_bytes()
        if first != second:
            file.write_bytes(second), other.write_bytes(first)
            assert damage(place) is not None
            assert damage(other_place) is not None
            file.write_bytes(first), other.write_bytes(second)


WRONG = (None, 1, "x", [], {}, True, 1e300, {"x": None})


def test_a_manifest_of_other_values_is_never_trusted_and_never_an_error(finished):
    for place in places(finished):
        path = place.folder / MANIFEST
        text = path.read_text()
        whole = json.loads(text)
        name = next(iter(whole["files"]))
        wrong = [*WRONG, *({k: v for k, v in whole.items() if k != key} for key in whole)]
        wrong += [{**whole, key: value} for key in whole for value in WRONG if whole[key] != value]
        files = [{name: value} for value in WRONG]
        files += [{name: {**whole["files"][name], "size": value}} for value in WRONG]
        files += [{name: {**whole["files"][name], "sha256": value}} for value in WRONG]
        files += [
            {name: {"size": whole["files"][name]["size"]}},
            {"../" + name: whole["files"][name]},
        ]
        wrong += [{**whole, "files": {**whole["files"], **change}} for change in files]
        wrong += [{k: v for k, v in whole.items() if k != "seal"} | {"files": f} for f in files]
        for manifest in wrong:
            unsealed = {k: v for k, v in whole.items() if k != "seal"}
            path.write_text(json.dumps(manifest, indent=1))
            assert damage(place) is not None or manifest == unsealed, manifest
        for raw in ("[" * 100_000, '{"files": ' * 5000, text + " ", text + text, "\ufeff" + text):
            path.write_text(raw)
            assert damage(place) is not None
        path.write_text(text)
        assert damage(place) is None


def rebuilt(nursery, whole, finished, what, **options):
    command = nursery.start(finished, *whole.overrides, **options)
    assert command.wait() == 0, f"{what}: {command.said()}"
    assert "is damaged" in command.said(), what
    assert contents(finished) == whole.contents, what
    assert scores(finished)[-1] == whole.scores[0], what
    assert left_over(finished) == [], what
    return command.said()


def test_only_what_is_damaged_is_built_again(nursery, whole, finished):
    (weights,) = finished.glob("outputs/artifacts/teacher/*/encoder/model.safetensors")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    said = rebuilt(nursery, whole, finished, "one bit of the teacher")
    assert "teacher sst2 is damaged (encoder/model.safetensors has another checksum" in said
    assert re.findall(r"\] (.*): builds", said) == ["teacher sst2"]


def test_what_nothing_rests_on_any_more_is_not_missed(nursery, whole, finished):
    (store,) = finished.glob("outputs/artifacts/teacher_outputs/*/")
    away = store.rename(store.with_suffix(".away"))
    command = nursery.start(finished, *whole.overrides)
    assert command.wait() == 0, command.said()
    assert "builds" not in command.said()
    away.rename(store)


def test_a_damaged_artifact_of_every_kind_is_built_again(nursery, whole, finished):
    """One file of every artifact at once."""
    draw = random.Random(1)
    for place in places(finished):
        file = draw.choice([path for path in place.folder.rglob("*") if path.is_file()])
        content = bytearray(file.read_bytes())
        content[draw.randrange(len(content))] ^= 1
        file.write_bytes(content)
    rebuilt(nursery, whole, finished, "a flipped bit")


def test_an_artifact_that_is_no_folder_is_built_again(nursery, whole, finished):
    for number, place in enumerate(places(finished)):
        place.folder.rename(place.folder.with_suffix(".away"))
        if number % 3 == 0:
            place.folder.write_text("a file")
        elif number % 3 == 1:
            place.folder.symlink_to("nowhere")
        else:
            place.folder.mkdir()
            (place.folder / MANIFEST).mkdir()
        shutil.rmtree(place.folder.with_suffix(".away"))
    rebuilt(nursery, whole, finished, "no folder")


def test_a_file_that_cannot_be_read_is_built_again(nursery, whole, finished):
    for place in places(finished)[::2]:
        for file in place.folder.rglob("*"):
            if file.is_file():
                file.chmod(0)
    rebuilt(nursery, whole, finished, "no right to read", powerless=True)
