"""Plain text as a corpus: files, gzipped or not, and sets of the hub by name."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kdlight.tasks.lines import file_hash, numbered_lines
from kdlight.types import UserError

HUB = "hub:"  # begins the name of a set: hub:NAME, hub:NAME/CONFIG:COLUMN


def corpus_lines(sources: Iterable[str]) -> Iterator[str]:
    """The lines that are not empty, source after source, one in memory at a time.

    Args:
        sources: files, or sets of the hub as `hub:OWNER/NAME`, `hub:OWNER/NAME@CONFIG` and
            `hub:OWNER/NAME@CONFIG:COLUMN` (default column `text`), read as a stream.

    Raises:
        UserError: for a source that is empty or cannot be read, with file and line.
    """
    for source in sources:
        found = False
        lines = _hub(source) if source.startswith(HUB) else _file(source)
        for line in lines:
            if text := " ".join(line.split()):
                found = True
                yield text
        if not found:
            raise UserError(f"{source}: there is no text in it.")


def corpus_content(sources: Iterable[str]) -> list[str]:
    """What a fingerprint covers of each source: the bytes of a file, the name of a set."""
    return [s if s.startswith(HUB) else file_hash(Path(s)) for s in sources]


def _file(path: str) -> Iterator[str]:
    return (line for _, line in numbered_lines(Path(path)))


def _hub(source: str) -> Iterator[str]:
    from datasets import load_dataset

    place, _, column = source.removeprefix(HUB).partition(":")
    name, _, config = place.partition("@")
    try:
        rows: Any = load_dataset(name, config or None, split="train", streaming=True)
        for row in rows:
            yield str(row[column or "text"])
    except KeyError as error:
        raise UserError(f"{source}: its rows have no column {error}.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{source}: {str(error).splitlines()[0]}") from error
