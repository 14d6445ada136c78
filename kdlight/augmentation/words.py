"""Texts as words that can be put together again."""

import re
from itertools import pairwise

# An augmenter's mask is a word, and so is a Chinese or Japanese character; contractions are
# split as in the Penn treebank.
_WORD = re.compile(
    r"\[MASK\]|\d+(?:[.,]\d+)*|\w+(?=n't\b)|n't\b|'(?:s|re|ve|ll|d|m)\b|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:-\w+)*|[^\w\s]"
)


def split(text: str) -> list[str]:
    """The words of a text, each with the space behind it, so that joined they are the text."""
    starts = [match.start() for match in _WORD.finditer(text)]
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


def join(words: list[str]) -> str:
    """The text of such words, or of some of them."""
    return "".join(words).strip()
