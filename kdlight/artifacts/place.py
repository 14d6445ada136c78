"""Where an artifact lies, how it is published, and how it is checked before it is trusted."""

import json
import os
import shutil
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
    """What is wrong with the published artifact, or None if every checksum holds."""
    try:
        files = place.manifest()["files"]
        if place.manifest()["fingerprint"] != place.fingerprint:
            return f"{MANIFEST} belongs to another artifact"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{MANIFEST} is missing or unreadable"
    present = {str(p.relative_to(place.folder)) for p in _files(place.folder)}
    if present != set(files):
        odd = sorted(present ^ set(files))[0]
        return f"{odd} is {'missing' if odd in files else 'not in the manifest'}"
    for name, expected in files.items():
        path = place.folder / name
        if path.stat().st_size != expected["size"]:
            return f"{name} has {path.stat().st_size} bytes, not {expected['size']}"
        if hash_file(path) != expected["sha256"]:
            return f"{name} has another checksum than the manifest says"
    return None


def publish(place: Place, facts: dict[str, Any]) -> None:
    """Writes the manifest (`facts` and the files' checksums) and renames the folder into place."""
    written = place.building / f"{MANIFEST}.tmp"
    written.unlink(missing_ok=True)  # of a publication that was killed
    files = {
        str(p.relative_to(place.building)): {"size": p.stat().st_size, "sha256": hash_file(p)}
        for p in sorted(_files(place.building))
    }
    manifest = {"kind": place.kind, "fingerprint": place.fingerprint, **facts, "files": files}
    text = json.dumps(manifest, indent=1)
    with written.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    written.rename(place.building / MANIFEST)
    os.rename(place.building, place.folder)


def discard(place: Place) -> None:
    """Removes a published artifact that is damaged; a kill half-way leaves nothing whole."""
    (place.folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(place.folder)


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST]
