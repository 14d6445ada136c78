"""What a student reads: its tokenizer, and the table that its embeddings start from."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.launch.graph import Node
from kdlight.tasks.hub import set_commit
from kdlight.tasks.lines import file_hash
from kdlight.types import UserError, first_line

log = logging.getLogger("kdlight")


def own_tokenizer(
    student: Mapping[str, Any], group: tuple[str, ...], teacher: Node, text: Mapping[str, Node]
) -> Node:
    """The teacher's tokenizer, or one made from the student's text, the transfer sets `text`."""
    config = student.get("tokenizer")
    if not config:
        return teacher
    parents = {"tokenizer": teacher} | {f"transfer/{task}": text[task] for task in group}
    return Node("student_tokenizer", "+".join(group), {"tokenizer": config}, parents)


def start_table(
    start: str,
    label: str,
    tokenizer: Node,
    theirs: Mapping[str, Node],
    found: tuple[Path, str] | None,
) -> Node | None:
    """The table that a student's embeddings start from, or None for random ones.

    `theirs` are the teacher and its tokenizer; `found` is a file of vectors, or the folder of an
    encoder, and the hash of its content, which alone reaches the fingerprint.
    """
    if start == "random":
        return None
    config = {"start": start} | ({"content": found[1]} if found else {})
    parents = {"tokenizer": tokenizer, **(theirs if start != "vectors" else {})}
    runtime = {"path": str(found[0])} if found else {}
    return Node("embeddings", f"{label} ({start})", config, parents, runtime)


def vector_file(embeddings: Mapping[str, Any], notes: Path) -> tuple[Path, str] | None:
    """The file of `student.embeddings.path=` and the hash of its content, if it is needed.

    The hash is noted in `notes` with what the file system says of the file: GoogleNews has 3.6
    GB, which a command that finds everything done should not read again.

    Raises:
        UserError: if the path is missing or no file.
    """
    if embeddings["start"] != "vectors":
        return None
    name = embeddings.get("path")
    if not name:
        raise UserError(
            "student/embeddings=vectors needs student.embeddings.path=FILE, word vectors in "
            "word2vec or GloVe format (Tang et al. 2019: GoogleNews-vectors-negative300.bin)."
        )
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise UserError(f"student.embeddings.path={name} is no file.")
    return path, noted_hash(path, notes)


def noted_hash(path: Path, notes: Path) -> str:
    """SHA-256 of a file's bytes, noted in `notes` with its size, time of change and inode.

    Raises:
        UserError: if it cannot be read.
    """
    path = path.absolute()
    if not path.is_file():
        return file_hash(path)  # which says what is wrong with it
    stat, known = path.stat(), _read(notes)
    seen = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    if known.get(str(path), [])[:3] != seen:
        known[str(path)] = [*seen, file_hash(path)]
        _write(notes, known)
    return str(known[str(path)][3])


def noted_commit(name: str, config: str | None, notes: Path) -> str:
    """The commit that a set of the hub is at; the one noted in `notes` where the hub is away.

    Passes on any error of `datasets` where none is noted.
    """
    known, key = _read(notes), f"hub:{name}@{config or ''}"
    try:
        commit = set_commit(name, config)
    except Exception as error:
        if key not in known:
            raise
        log.warning(
            "The hub cannot be asked for %s (%s): taken as it was before, at %s.",
            name,
            first_line(error),
            *known[key],
        )
        return str(known[key][0])
    if known.get(key) != [commit]:
        _write(notes, known | {key: [commit]})
    return commit


def _write(notes: Path, known: Mapping[str, list[Any]]) -> None:
    notes.parent.mkdir(parents=True, exist_ok=True)
    fresh = notes.with_name(f"{notes.name}.{os.getpid()}")
    fresh.write_text(json.dumps(known, indent=1))
    fresh.rename(notes)


def _read(notes: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(notes.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
