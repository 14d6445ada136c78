"""Where an artifact lies, how it is published, and how it is checked before it is trusted."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdlight.artifacts.fingerprint import hash_file

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of one artifact below `outputs/artifacts`."""

    root: Path
    kind: str
    fingerprint: str

    @property
    def folder(self) -> Path:
        """The published artifact."""
        return self.root / self.kind / self.fingerprint

    @property
    def building(self) -> Path:
        """The folder it is built in; survives a kill, so that the build can continue."""
        return self.root / self.kind / f"{self.fingerprint}.building"

    @property
    def working(self) -> Path:
        """What a stopped build goes on from, in the folder it is built in; never published."""
        return self.building / "checkpoints"

    @property
    def note(self) -> Path:
        """How long a stopped build took, beside `working`; never published."""
        return self.building / "spent"

    @property
    def lock(self) -> Path:
        """Held by the planner that builds the artifact."""
        return self.root / self.kind / f"{self.fingerprint}.lock"

    @property
    def workers_lock(self) -> Path:
        """Shared by the live workers of a build, so that a second planner waits for them."""
        return self.root / self.kind / f"{self.fingerprint}.workers"

    def manifest(self) -> dict[str, Any]:
        """The manifest of the published artifact."""
        content: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text())
        return content


def damage(place: Place) -> str | None:
    """What is wrong with the published artifact, or None if every checksum holds.

    The manifest ends with a checksum of its own; every byte of it counts.
    """
    return _damage(place.folder, place.fingerprint)


def _damage(folder: Path, fingerprint: str) -> str | None:
    path = folder / MANIFEST
    if path.is_symlink():
        return f"{MANIFEST} is a link, not a file"
    try:
        text = path.read_bytes().decode()
        manifest = json.loads(text)
        if manifest["fingerprint"] != fingerprint:
            return f"{MANIFEST} belongs to another artifact"
        content = {key: value for key, value in manifest.items() if key != "seal"}
        unsealed = list(manifest)[-1] == "files"  # of a version that wrote no seal
        if not unsealed and text != _sealed(content):
            return f"{MANIFEST} has another checksum than it says"
        return _damaged_file(folder, content["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{MANIFEST} is missing or unreadable"


def _damaged_file(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> str | None:
    present = {str(p.relative_to(folder)) for p in _files(folder)}
    if present != set(files):
        odd = sorted(present ^ set(files))[0]
        return f"{odd} is {'missing' if odd in files else 'not in the manifest'}"
    for name, about in files.items():
        size, checksum = about["size"], about["sha256"]
        if (folder / name).is_symlink():
            return f"{name} is a link, not a file"
        try:
            if (found := (folder / name).stat().st_size) != size:
                return f"{name} has {found} bytes, not {size}"
            if hash_file(folder / name) != checksum:
                return f"{name} has another checksum than the manifest says"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
    return None


def publish(place: Place, facts: dict[str, Any]) -> None:
    """Writes the manifest (`facts` and the files' checksums) and renames the folder into place.

    What a stopped build goes on from is there until the manifest is.
    """
    written = place.building / f"{MANIFEST}.tmp"
    written.unlink(missing_ok=True)  # of a publication that was killed
    rights = 0o666 & ~_umask()
    built = sorted(p for p in _files(place.building) if not _of_stopped(place, p))
    for path in built:  # some libraries keep what they write from other users
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | rights)
    files = {
        str(p.relative_to(place.building)): {"size": p.stat().st_size, "sha256": hash_file(p)}
        for p in built
    }
    manifest = {"kind": place.kind, "fingerprint": place.fingerprint, **facts, "files": files}
    write_whole(place.building / MANIFEST, _sealed(manifest))
    _leave_built(place)
    os.rename(place.building, place.folder)


def published(place: Place) -> bool:
    """Publishes what is whole but for its name, since a kill came in between; whether it was."""
    manifest = place.building / MANIFEST
    if not manifest.is_file():
        return False
    _leave_built(place)
    if _damage(place.building, place.fingerprint) is not None:
        remove(manifest)
        return False
    os.rename(place.building, place.folder)
    return True


def _leave_built(place: Place) -> None:
    remove(place.working)
    remove(place.note)


def _of_stopped(place: Place, path: Path) -> bool:
    return path == place.note or place.working in path.parents


def _umask() -> int:
    """What a new file's mode lacks; to read it is to set it."""
    found = os.umask(0o022)
    os.umask(found)
    return found


def write_whole(path: Path, text: str) -> None:
    """Writes a file that is there whole or not at all, whatever stops this process."""
    written = path.with_name(f"{path.name}.tmp")
    with written.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)


def discard(place: Place) -> None:
    """Removes a published artifact that is damaged; a kill half-way leaves nothing whole."""
    if not place.folder.is_symlink():
        remove(place.folder / MANIFEST)
    remove(place.folder)


def remove(path: Path) -> None:
    """Removes a file, a link or a folder with all it holds; nothing there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.parent.is_dir():
        path.unlink(missing_ok=True)


def _sealed(content: Mapping[str, Any]) -> str:
    """The text of a manifest, its seal last."""
    seal = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, "seal": seal}, indent=1)


def _files(folder: Path) -> list[Path]:
    """All that is no folder; a link is a file of its own, whatever it leads to."""
    found = (p for p in folder.rglob("*") if p != folder / MANIFEST)
    return [p for p in found if p.is_file() or p.is_symlink()]
