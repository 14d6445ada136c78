"""Plain text as a corpus: files, gzipped or not, sets of the hub by name, or embedded text."""

import glob
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from kdlight.tasks.hub import set_commit
from kdlight.tasks.lines import file_hash, numbered_lines
from kdlight.types import UserError, first_line

HUB = "hub:"  # begins the name of a set: hub:OWNER/NAME@CONFIG:COLUMN
KINDS = (".txt", ".txt.gz", ".jsonl", ".jsonl.gz")
LONGEST = 1 << 16  # bytes of plain text, or characters, that are a line at most
COLUMN = "text"  # of a set, and of JSON lines, unless another is named


def corpus_sources(names: Iterable[str]) -> list[str]:
    """Files and sets of the hub: in place of a pattern, such as `DIR/*.txt.gz`, what it matches.

    Raises:
        UserError: for a pattern that no file matches.
    """
    return [source for name in names for source in _matching(name)]


def corpus_names(data: Mapping[str, Any]) -> list[str]:
    """`data.corpus`; where files are read and it is empty, those in `data.corpus_folder`.

    That folder lies under `data.root`, as those of the tasks do; one that is not there holds none.
    """
    named: list[str] = data["corpus"]
    if named or data["source"] != "files" or not data["corpus_folder"]:
        return named
    folder = Path(data["root"], data["corpus_folder"])
    return sorted(str(path) for kind in KINDS for path in folder.glob(f"*{kind}"))


def corpus_content(
    data: Mapping[str, Any],
    hash_of: Callable[[Path], str] = file_hash,
    commit_of: Callable[[str, str | None], str] = set_commit,
) -> dict[str, Any]:
    """What decides the text of a corpus: of a file its bytes, of a set of the hub its commit.

    Args:
        data: the configuration's `data` node, without patterns.
        hash_of: gives the hash of a file's bytes.
        commit_of: gives the commit of a set from its name and configuration.

    Raises:
        UserError: if there is no corpus, or a file or a set cannot be read.
    """
    limit = {"rows": data["corpus_rows"]}
    if data["corpus"]:
        content = [_content(source, hash_of, commit_of) for source in data["corpus"]]
        return limit | {"content": content}
    if data["source"] != "embedded":
        folder = data["source"] == "files" and data["corpus_folder"]
        where = f" in {Path(data['root'] or '', folder)}" if folder else ""
        raise UserError(
            f"There is no text to learn from{where}: name files or sets of the hub, "
            "'data.corpus=[wiki.txt.gz,hub:wikimedia/wikipedia@20231101.en]'."
        )
    if data["corpus_rows"] is None:
        raise UserError("Embedded text has no end: set data.corpus_rows=, or use scale=demo.")
    from kdlight.tasks.embedded.generate import VERSION

    keys = ("seed", "lexicon", "script")
    return limit | {"embedded": VERSION} | {key: data[key] for key in keys}


def corpus_lines(
    content: Mapping[str, Any], sources: Iterable[str], counts: dict[str, int] | None = None
) -> Iterator[str]:
    """The lines that are not empty, source after source, one in memory at a time.

    Of JSON lines (`.jsonl`, `.jsonl.gz`) the text is what stands under `text`. What is longer than
    `LONGEST`, a file without line breaks for instance, comes as several lines.

    Args:
        content: as `corpus_content` gave it.
        sources: files, or sets of the hub as `hub:OWNER/NAME`, `hub:OWNER/NAME@CONFIG` and
            `hub:OWNER/NAME@CONFIG:COLUMN` (default column `text`), read as a stream of the commit
            that `content` names.
        counts: gets the number of lines that were taken of each source.

    Raises:
        UserError: for a source that is empty or cannot be read, with file and line.
    """
    counts = {} if counts is None else counts
    if "embedded" in content:
        return islice(_embedded(content), content["rows"])
    return islice(_all(list(sources), content["content"], counts), content["rows"])


def _matching(name: str) -> list[str]:
    path = Path(name).expanduser()
    if name.startswith(HUB) and not _parts(name)[0]:
        raise UserError(f"data.corpus: {name} names no set of the hub; give {HUB}OWNER/NAME.")
    if name.startswith(HUB) or not glob.has_magic(name) or path.is_file():
        return [name]
    found = sorted(found for found in glob.glob(str(path), recursive=True) if Path(found).is_file())
    if not found:
        raise UserError(
            f"data.corpus: no file matches {name}; give files, patterns that match some, or sets "
            f"of the hub ({HUB}OWNER/NAME)."
        )
    return found


def _content(
    source: str, hash_of: Callable[[Path], str], commit_of: Callable[[str, str | None], str]
) -> str:
    if not source.startswith(HUB):
        path = Path(source).expanduser()
        return hash_of(path) + " text" * _is_json(path)
    name, config, _ = _parts(source)
    try:
        return f"{source} {commit_of(name, config)}"
    except Exception as error:  # datasets passes on errors of a dozen libraries
        raise UserError(
            f"{source}: {first_line(error).rstrip('.')}. Where the hub cannot be reached, name "
            "files of plain text in its place."
        ) from error


def _embedded(content: Mapping[str, Any]) -> Iterator[str]:
    from kdlight.tasks.embedded import generate, grammar, script

    size = content["lexicon"] or grammar.FULL
    lines = generate.text(content["rows"], content["seed"], size)
    return map(script.characters, lines) if content["script"] else lines


def _all(sources: list[str], contents: Iterable[str], counts: dict[str, int]) -> Iterator[str]:
    counts |= dict.fromkeys(sources, 0)
    for source, content in zip(sources, contents, strict=True):
        hub = source.startswith(HUB)
        lines = _hub(source, content.split()[-1]) if hub else _file(source)
        for line in lines:
            for piece in _pieces(line):
                if text := " ".join(piece.split()):
                    counts[source] += 1
                    yield text
        if not counts[source]:
            raise UserError(f"{source}: there is no text in it.")


def _pieces(text: str) -> Iterator[str]:
    """A long text, such as a whole book, in pieces that are cut at blanks where it has any."""
    while len(text) > LONGEST:
        cut = text.rfind(" ", 0, LONGEST) + 1 or LONGEST
        yield text[:cut]
        text = text[cut:]
    yield text


def _file(name: str) -> Iterator[str]:
    path = Path(name).expanduser()
    as_json = _is_json(path)
    for number, line in numbered_lines(path, -1 if as_json else LONGEST):
        yield _text(path, number, line) if as_json and line.strip() else line


def _is_json(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith((".jsonl", ".json"))


def _text(path: Path, number: int, line: str) -> str:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    text = row.get(COLUMN) if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise UserError(
            f"{path}, line {number}: expected an object with its text under {COLUMN}, such as "
            '{"text": "Some words."}; plain text belongs in a .txt file.'
        )
    return text


def _parts(source: str) -> tuple[str, str | None, str]:
    """Name, configuration and column of a set of the hub."""
    place, _, column = source.removeprefix(HUB).partition(":")
    name, _, config = place.partition("@")
    return name, config or None, column or COLUMN


def _hub(source: str, commit: str) -> Iterator[str]:
    from datasets import load_dataset

    name, config, column = _parts(source)
    try:
        rows: Any = load_dataset(name, config, split="train", revision=commit, streaming=True)
        for row in rows:
            if (text := row[column]) is not None:
                yield str(text)
    except KeyError as error:
        raise UserError(f"{source}: its rows have no column {error}.") from error
    except Exception as error:  # a line that drops, in the words of one of a dozen libraries
        raise UserError(
            f"{source}: {first_line(error).rstrip('.')}. The same command goes on where it was."
        ) from error
