"""Sentences of plain text files, as further text for a student."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from kdlight.tasks.lines import numbered_lines

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+")
_MARKUP = re.compile(r"<[^<>]{1,20}>")  # such as the <br /> of scraped reviews


def sentences(paths: Iterable[str | Path], words: tuple[int, int]) -> Iterator[str]:
    """The sentences with a number of words in `words`, first to last, a line in memory at a time.

    A line ends a sentence; so does `.`, `!` or `?` before a space.
    """
    for path in paths:
        for _, line in numbered_lines(Path(path)):
            for sentence in _END.split(_MARKUP.sub(" ", line)):
                if words[0] <= len(sentence.split()) <= words[1]:
                    yield " ".join(sentence.split())


def drawn(sentences: Iterator[str], total: int, wanted: int | None, seed: int) -> Iterator[str]:
    """`wanted` of `total` sentences, each as likely as another, in their order.

    Selection sampling (Knuth, volume 2, algorithm 3.4.2 S): nothing is kept in memory.
    """
    if wanted is None or wanted >= total:
        yield from sentences
        return
    random, left = Random(f"sentences {seed}"), wanted
    for number, sentence in enumerate(sentences):
        if random.random() * (total - number) < left:
            left -= 1
            yield sentence
