"""Damage is found, whatever it is; a half-made artifact never looks whole."""

import json
import os

import pytest

from kdlight.artifacts.place import Place, damage, discard, publish

FACTS = {"title": "student rte", "config": {"lr": 0.1}, "parents": {}}


@pytest.fixture
def place(tmp_path):
    """A published artifact with two files, one of them in a folder."""
    return build(Place(tmp_path, "student", "0123456789abcdef"))


def build(made):
    (made.building / "train").mkdir(parents=True)
    (made.building / "weights.bin").write_bytes(bytes(range(256)))
    (made.building / "train/ids.npy").write_bytes(b"numbers")
    publish(made, FACTS)
    return made


def test_a_file_has_the_rights_of_any_new_one(tmp_path):
    """Some libraries keep what they write from all other users."""
    made, mask = Place(tmp_path, "student", "0123456789abcdef"), os.umask(0o027)
    try:
        made.building.mkdir(parents=True)
        (made.building / "weights.bin").write_bytes(b"1")
        (made.building / "weights.bin").chmod(0o600)
        publish(made, FACTS)
    finally:
        os.umask(mask)
    assert (made.folder / "weights.bin").stat().st_mode & 0o777 == 0o640


def rewrite(place, **changes):
    manifest = {**place.manifest(), **changes}
    (place.folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_published_artifact_is_whole_and_says_what_it_is(place):
    assert damage(place) is None
    manifest = place.manifest()
    assert {key: manifest[key] for key in FACTS} == FACTS
    assert (manifest["kind"], manifest["fingerprint"]) == ("student", "0123456789abcdef")
    sizes = {name: entry["size"] for name, entry in manifest["files"].items()}
    assert sizes == {"weights.bin": 256, "train/ids.npy": 7}
    assert not place.building.exists()


@pytest.mark.parametrize("position", [0, 100, 255])
def test_a_flipped_bit(place, position):
    path = place.folder / "weights.bin"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert damage(place) == "weights.bin has another checksum than the manifest says"


@pytest.mark.parametrize("size", [0, 6])
def test_a_truncated_file(place, size):
    os.truncate(place.folder / "train/ids.npy", size)
    assert damage(place) == f"train/ids.npy has {size} bytes, not 7"


def test_a_missing_file(place):
    (place.folder / "train/ids.npy").unlink()
    assert damage(place) == "train/ids.npy is missing"


def test_a_file_too_many(place):
    (place.folder / "train/extra.npy").write_text("x")
    assert damage(place) == "train/extra.npy is not in the manifest"


def test_a_renamed_file(place):
    (place.folder / "weights.bin").rename(place.folder / "weights.old")
    assert damage(place) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"files": {}}', "\x00\xff"])
def test_a_broken_manifest(place, content):
    (place.folder / "manifest.json").write_bytes(content.encode("latin-1"))
    assert damage(place) == "manifest.json is missing or unreadable"


def test_a_missing_manifest(place):
    (place.folder / "manifest.json").unlink()
    assert damage(place) == "manifest.json is missing or unreadable"


def test_a_manifest_cut_by_a_full_disk(place):
    path = place.folder / "manifest.json"
    whole = path.stat().st_size
    for size in range(0, whole, 37):
        os.truncate(path, size)
        assert damage(place) == "manifest.json is missing or unreadable"
        rewrite_from(place, path)
    assert damage(place) is None


def rewrite_from(place, path):
    """Puts the manifest back by publishing the same files again."""
    path.unlink(missing_ok=True)
    place.folder.rename(place.building)
    publish(place, FACTS)


def test_the_manifest_of_another_artifact(place):
    rewrite(place, fingerprint="fedcba9876543210")
    assert damage(place) == "manifest.json belongs to another artifact"


def test_nothing_there_is_not_whole(tmp_path):
    assert damage(Place(tmp_path, "student", "0123456789abcdef")) is not None


def test_what_is_being_built_is_not_published(tmp_path):
    made = Place(tmp_path, "student", "0123456789abcdef")
    made.building.mkdir(parents=True)
    (made.building / "weights.bin").write_bytes(b"half")
    assert not made.folder.exists()
    assert damage(made) is not None
    assert len({made.folder, made.building, made.lock, made.workers_lock}) == 4
    assert {p.parent for p in (made.building, made.lock, made.workers_lock)} == {
        tmp_path / "student"
    }


def test_publishing_does_not_replace_what_is_there(place):
    place.building.mkdir()
    (place.building / "weights.bin").write_bytes(b"other")
    with pytest.raises(OSError, match="not empty"):
        publish(place, FACTS)
    assert damage(place) is None


@pytest.mark.parametrize(
    "left",
    [
        "manifest.json",
        pytest.param(
            "manifest.json.tmp",
        ),
    ],
)
def test_a_build_killed_while_publishing_is_published_whole(tmp_path, left):
    """The next build works in the same folder, where the kill left a manifest."""
    made = Place(tmp_path, "student", "0123456789abcdef")
    made.building.mkdir(parents=True)
    (made.building / left).write_text("{ half")
    build_in = made.building / "train"
    build_in.mkdir()
    (build_in / "ids.npy").write_bytes(b"numbers")
    publish(made, FACTS)
    assert damage(made) is None
    assert list(made.manifest()["files"]) == ["train/ids.npy"]


def test_discarding_removes_the_artifact_and_only_it(place):
    other = build(Place(place.root, "student", "fedcba9876543210"))
    discard(place)
    assert not place.folder.exists()
    assert damage(other) is None
    build(place)
    assert damage(place) is None


def test_a_discard_cut_half_way_leaves_nothing_whole(place, monkeypatch):
    def killed(path):
        (path / "weights.bin").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr("kdlight.artifacts.place.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        discard(place)
    assert damage(place) == "manifest.json is missing or unreadable"
