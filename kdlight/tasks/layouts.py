"""Official JSON files that are no tables: SQuAD and CMRC 2018, C3, CHID and CLUEWSC of CLUE.

A layout gives the records of a file as the set on the Hugging Face hub has them, and the rows
that lie in a record.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdlight.tasks.jsonl import json_rows
from kdlight.tasks.values import RowError
from kdlight.types import UserError

Record = dict[str, Any]
BLANK = re.compile(r"#idiom\d+#")
GAP, OTHER_GAP = "[MASK]", "__"


class Layout:
    """One JSON object a line, each a row.

    Attributes:
        nested: whether the rows of a record are made by `rows` rather than named by columns.
    """

    nested = False

    def records(self, path: Path) -> Iterator[tuple[str, Record]]:
        """(place in the file, record) for every record."""
        return ((f"line {line}", row) for line, row in json_rows(path))

    def rows(self, record: Record) -> Iterator[Record]:
        """The rows of a record."""
        yield record

    def beside(self, path: Path) -> list[Path]:
        """Further files that belong to this one."""
        del path
        return []


class Squad(Layout):
    """Articles of paragraphs (a context) of questions, as SQuAD and CMRC 2018 have them."""

    def records(self, path: Path) -> Iterator[tuple[str, Record]]:
        """One record a question; a file is read as a whole."""
        whole = _whole(path)
        articles = _items(whole, "data", f"{path}")
        for number, article in enumerate(articles):
            for place, paragraph in enumerate(_items(article, "paragraphs", f"{path}, {number}")):
                where = f"article {number}, paragraph {place}"
                for question in _items(paragraph, "qas", f"{path}, {where}"):
                    if not isinstance(question, dict):
                        raise UserError(f"{path}, {where}: a question is no object")
                    record = {**question, "context": paragraph.get("context")}
                    yield f"{where}, question {question.get('id')}", record


class C3(Layout):
    """Texts or dialogues with several questions each, in the files `d-...` and `m-...`."""

    def records(self, path: Path) -> Iterator[tuple[str, Record]]:
        """One record a question, of both files."""
        for part in (path, *self.beside(path)):
            whole = _whole(part)
            if not isinstance(whole, list):
                raise UserError(f"{part}: expected a list of [[text], [questions], id]")
            for number, entry in enumerate(whole):
                where = f"entry {number}" if part == path else f"entry {number} of {part.name}"
                if not isinstance(entry, list) or len(entry) < 2:
                    raise UserError(f"{part}, {where}: expected [[text], [questions], id]")
                for question in entry[1]:
                    yield where, {**question, "context": entry[0]}

    def beside(self, path: Path) -> list[Path]:
        """The texts that are no dialogues."""
        other = path.with_name(path.name.replace("d-", "m-", 1))
        return [other] if other != path and other.is_file() else []


class Chid(Layout):
    """Passages with blanks for idioms, and ten idioms to choose from for all of them."""

    nested = True

    def records(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Lines of `<split>.json` with the answers of `<split>_answer.json`."""
        found: Mapping[str, Any] = {}
        for file in self.beside(path):
            found = _whole(file)
            if not isinstance(found, dict):
                raise UserError(f"{file}: expected an object with the answer to each blank")
        return ((f"line {line}", {**row, "answers": found}) for line, row in json_rows(path))

    def rows(self, record: Record) -> Iterator[Record]:
        """One row a blank: `[MASK]` stands for it, other blanks of the passage are empty."""
        answers = record.get("answers") or {}
        if isinstance(answers.get("text"), list):  # as the hub has them
            answers = dict(zip(answers["text"], answers["candidate_id"], strict=True))
        for passage in record.get("content") or []:
            for blank in BLANK.findall(passage):
                text = BLANK.sub(OTHER_GAP, passage.replace(blank, GAP))
                label = answers.get(blank)
                yield {"text_a": text, "options": record.get("candidates"), "label": label}

    def beside(self, path: Path) -> list[Path]:
        """The answers."""
        stem, ending = path.name.split(".", 1)
        endings = dict.fromkeys((ending, "json", "json.gz"))
        others = [path.with_name(f"{stem}_answer.{end}") for end in endings]
        return [other for other in others if other.is_file()][:1]


class Wsc(Layout):
    """Texts with a noun and a pronoun that may mean it (CLUEWSC 2020)."""

    nested = True

    def rows(self, record: Record) -> Iterator[Record]:
        """The two expressions as second text, a bar between them."""
        row = {"text_a": record.get("text_a", record.get("text")), "label": record.get("label")}
        if isinstance(row["label"], bool):
            row["label"] = str(row["label"]).lower()
        if "text_b" in record:
            yield {**row, "text_b": record["text_b"]}
            return
        target = record.get("target")
        if not isinstance(target, dict) or not {"span1_text", "span2_text"} <= set(target):
            raise RowError("target is missing; expected span1_text and span2_text in it")
        yield {**row, "text_b": f"{target['span1_text']}|{target['span2_text']}"}


LAYOUTS: Mapping[str, Layout] = {
    "": Layout(),
    "squad": Squad(),
    "c3": C3(),
    "chid": Chid(),
    "wsc": Wsc(),
}


def _whole(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        raw = path.read_bytes()
        return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (EOFError, zlib.error, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a whole JSON file in UTF-8 ({error})") from None


def _items(node: Any, key: str, where: str) -> list[Any]:
    found = node.get(key) if isinstance(node, dict) else None
    if not isinstance(found, list):
        raise UserError(f"{where}: no list `{key}` in it; expected a file laid out as SQuAD's")
    return found
