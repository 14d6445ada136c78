"""The folder of a sweep: found again by what the sweep is about, and used by one command."""

import fcntl
import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from kdlight.artifacts.place import write_whole
from kdlight.launch.settled import typed_command
from kdlight.launch.sweep.job import LOCK, at_work
from kdlight.types import UserError

log = logging.getLogger("kdlight")
NOTE, WHOLE, LOG = "sweep.json", "multirun.yaml", "sweep.log"


@contextmanager
def sweep_folder(config: DictConfig, name: str, shared: bool = False) -> Iterator[Path]:
    """The folder of this sweep: that of the same sweep, if it was begun before.

    It is finished if the block raises nothing. What is logged within the block is kept in it.

    Args:
        config: of the sweep, with Hydra's node.
        name: its identity.
        shared: whether several commands may be at work on it, each in a folder of its own.

    Raises:
        UserError: if another command is at work in it, or it is another sweep's.
    """
    found = _chosen(config, name, shared)
    found.mkdir(parents=True, exist_ok=True)
    with (found / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"Another command is at work on this sweep, in {found}.") from error
        OmegaConf.save(config, found / WHOLE)
        about = {"identity": name, "command": typed_command()}
        write_whole(found / NOTE, json.dumps(about))
        with _logged(found / LOG):
            yield found
        write_whole(found / NOTE, json.dumps({**about, "finished": True}))


@contextmanager
def _logged(file: Path) -> Iterator[None]:
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("[%(asctime)s] %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def _chosen(config: DictConfig, name: str, shared: bool) -> Path:
    """A folder that is typed; else that of the same sweep, or a new one."""
    new, again = Path(config.hydra.sweep.dir).absolute(), config.launcher.again
    if (new / NOTE).exists():
        note = json.loads((new / NOTE).read_text())
        if note["identity"] != name or (again and note.get("finished")):
            what = "this sweep, finished" if note["identity"] == name else "another sweep"
            raise UserError(f"{new} holds {what}: choose another hydra.sweep.dir.")
    if any(word.startswith("hydra.sweep.dir=") for word in config.hydra.overrides.hydra):
        return new
    for place in sorted(new.parent.glob(f"*/{NOTE}"), reverse=True):
        note = json.loads(place.read_text())
        if note["identity"] == name and not (shared and at_work(place.parent)):
            return new if again and note.get("finished") else place.parent
    return new


def identity(about: Any) -> str:
    """The name of what a sweep is about."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
