"""Rows of the embedded tasks and plain text, from a seed.

Splits never share a row, whatever the seeds: a checksum of the text says which split a row
belongs to. Meanings are shared between splits, there are few of them. About 3 % of the class
labels are wrong on purpose, in every split, so that scores end near 97; grades have a jitter
instead, and spans and choices are right throughout.
"""

from collections.abc import Callable, Iterator, Sequence
from zlib import crc32

from kdlight.tasks.embedded import pairs, reading, single
from kdlight.tasks.embedded.draft import Draft
from kdlight.tasks.embedded.grammar import FULL, Draw
from kdlight.types import Example, UserError

VERSION = 1
"""Raised whenever the rows of a seed change."""

MAKERS: dict[str, Callable[[Draw], Draft]] = {
    "sentiment": single.sentiment,
    "paraphrase": pairs.paraphrase,
    "similarity": pairs.similarity,
    "inference": pairs.inference,
    "acceptability": single.acceptability,
    "span": reading.span,
    "answerable": reading.answerable,
    "choice": reading.choice,
}
KINDS = tuple(MAKERS)
SPLITS = ("train", "dev", "test", "unlabelled")
OPEN_SPLITS = ("train", "unlabelled")
"""The splits that plain text may share sentences with."""

NEW_ROW_TRIES = 200


def split_of(draft: Draft) -> str:
    """Returns the split that a row belongs to."""
    return SPLITS[crc32(draft.key().encode()) % len(SPLITS)]


def drafts(
    make: Callable[[Draw], Draft],
    splits: tuple[str, ...],
    name: str,
    size: Sequence[int] = FULL,
) -> Iterator[Draft]:
    """Yields rows of some splits without end, each once while new ones are found."""
    draw = Draw(f"{VERSION}:{name}", size)
    seen: set[str] = set()
    tries = 0
    while True:
        draft = make(draw)
        if split_of(draft) not in splits:
            continue
        tries += 1
        key = draft.key()
        if key in seen and tries < NEW_ROW_TRIES:
            continue
        seen.add(key)
        tries = 0
        yield draft


def example(draft: Draft, split: str, number: int) -> Example:
    """Returns the row with its name; unlabelled rows lose their answer."""
    known = split != "unlabelled"
    return Example(
        id=f"{split}-{number}",
        text_a=draft.text_a,
        text_b=draft.text_b,
        label=draft.label if known else None,
        source="gold" if known else "unlabelled",
        answers=draft.answers if known else (),
        options=draft.options,
    )


def rows(
    kind: str, split: str, count: int, seed: int = 0, size: Sequence[int] = FULL
) -> Iterator[Example]:
    """Returns the first `count` rows of a split; more rows never change the earlier ones.

    Args:
        kind: One of `KINDS`.
        split: One of `SPLITS`.
        count: How many rows.
        seed: Another seed gives other rows of the same splits.
        size: How many axes of the lexicon are used, how many words on each side of one, and (all
            where that is left out) how many places and aspects.
    """
    fits = (type(n) is int and 1 < n <= most for n, most in zip(size, FULL, strict=False))
    if len(size) not in (2, 3) or not all(fits):
        raise UserError(
            f"data.lexicon={list(size)} must be two or three numbers from 2 to {list(FULL)}: axes, "
            "words a side, places and aspects."
        )
    if kind not in MAKERS:
        raise UserError(f"Unknown embedded task {kind!r}: choose one of {', '.join(KINDS)}.")
    if split not in SPLITS:
        raise UserError(f"Unknown split {split!r}: choose one of {', '.join(SPLITS)}.")
    found = drafts(MAKERS[kind], (split,), f"{kind}:{split}:{seed}", size)
    return (example(draft, split, n) for n, draft in zip(range(count), found, strict=False))


def text(count: int, seed: int = 0, size: Sequence[int] = FULL) -> Iterator[str]:
    """Returns plain sentences, none of which is a row of a dev or test split."""
    found = drafts(single.plain, OPEN_SPLITS, f"text:{seed}", size)
    return (draft.text_a for _, draft in zip(range(count), found, strict=False))
