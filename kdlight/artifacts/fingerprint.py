"""Names made of content: the same inputs give the same fingerprint on every machine."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# Raised by hand when the code of an artifact kind changes what the artifact means.
VERSIONS: Mapping[str, int] = {
    "tokenizer": 1,
    "task_rows": 2,
    "joint_rows": 1,
    "transfer_set": 2,
    "student_tokenizer": 1,
    "corpus": 2,
    "pretrain": 1,
    "agnostic": 3,
    "best": 1,
    "tokens": 3,
    "embeddings": 1,
    "teacher": 1,
    "ensemble": 1,
    "teacher_outputs": 1,
    "student": 3,
    "evaluate": 1,
    "latency": 2,
    "benchmark": 1,
}


def fingerprint(kind: str, config: Mapping[str, Any], parents: Mapping[str, str]) -> str:
    """Sixteen hexadecimal digits for an artifact of `kind`.

    Args:
        kind: the artifact's kind, a key of `VERSIONS`.
        config: everything of the configuration that changes the content; JSON values only.
        parents: the fingerprints of the artifacts it is made from, by role.
    """
    content = {"kind": kind, "version": VERSIONS[kind], "config": config, "parents": parents}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: Path) -> str:
    """`hash_file` of an input: read once a process, until the file system says it has changed."""
    stat = path.stat()
    return _known(path.absolute(), stat.st_size, stat.st_mtime_ns, stat.st_ino)


@cache
def _known(path: Path, *seen: int) -> str:
    del seen
    return hash_file(path)


def hash_folder(folder: Path, patterns: tuple[str, ...] = ("*",)) -> str:
    """SHA-256 over the names and bytes of the files in `folder` that match a pattern."""
    digest = hashlib.sha256()
    for path in sorted({p for pattern in patterns for p in folder.glob(pattern) if p.is_file()}):
        digest.update(f"{path.name}:{content_hash(path)}\n".encode())
    return digest.hexdigest()
