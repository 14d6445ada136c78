"""Stage: several teachers of the same tasks become one."""

import os
import shutil
from pathlib import Path

from kdlight.artifacts.place import remove
from kdlight.types import StageSpec

MANIFEST = "manifest.json"


def run(spec: StageSpec) -> None:
    """Links (or copies, where links cannot be made) the members into `members/<number>`."""
    for role, folder in spec.inputs.items():
        if not role.startswith("member/"):
            continue
        target = Path(spec.out) / "members" / role.removeprefix("member/")
        remove(target)
        link_tree(Path(folder), target, "metrics.csv", "floor.json")


def link_tree(source: Path, target: Path, *without: str) -> None:
    """Links (or copies) the files of an artifact into another one's folder."""
    ignore = shutil.ignore_patterns(MANIFEST, *without)
    shutil.copytree(source, target, copy_function=_link, ignore=ignore, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
