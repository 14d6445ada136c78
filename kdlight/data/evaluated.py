"""Training rows that are evaluation rows of another task: benchmarks share their sources.

QNLI's evaluation questions are those of SQuAD's development set, and MRPC and STS-B share pairs: a
network that learns such tasks together may be scored on rows it has learnt from.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator

from kdlight.types import Example

SPAN = "span"


class Evaluated:
    """The evaluation rows of several tasks, found again by their text alone.

    Text is compared without case, spaces and punctuation. A pair counts in either order; of a span
    task the question counts, wherever it stands in a row of another task.
    """

    def __init__(self) -> None:
        self._rows: dict[int, str] = {}  # one text, or a pair
        self._texts: dict[int, str] = {}  # each text of a row
        self._questions: dict[int, str] = {}  # of span tasks

    def add(self, task: str, kind: str, rows: Iterable[Example]) -> None:
        """Takes note of evaluation rows of a task."""
        for row in rows:
            texts = list(_texts(row, kind))
            if kind == SPAN:
                self._questions |= dict.fromkeys(texts, task)
            elif texts:
                self._rows[_whole(texts)] = task
            self._texts |= dict.fromkeys(texts, task)

    def task_of(self, row: Example, kind: str) -> str | None:
        """The task that a training row of another task, of some kind, is an evaluation row of."""
        texts = list(_texts(row, kind))
        among = self._texts if kind == SPAN else self._questions
        found = [among[text] for text in texts if text in among]
        if found or kind == SPAN or not texts:
            return found[0] if found else None
        return self._rows.get(_whole(texts))


def _texts(row: Example, kind: str) -> Iterator[int]:
    """What is compared of each text of a row; nothing of one without letters and digits."""
    for text in (row.text_a, None if kind == SPAN else row.text_b):
        if plain := _plain(text or ""):
            yield _digest(plain)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _whole(texts: list[int]) -> int:
    """One number for all texts of a row, in whatever order."""
    return _digest(" ".join(map(str, sorted(texts))))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
