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
        ignore = shutil.ignore_patterns(MANIFEST, "metrics.csv", "floor.json")
        shutil.copytree(folder, target, copy_function=_link, ignore=ignore)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
