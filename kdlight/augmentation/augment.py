"""More text from few rows: every augmenter in turn, duplicates dropped, origin kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from random import Random
from typing import Any

from kdlight.types import Example

Augmenter = Callable[[list[str], Random], list[str]]
SIDES = (("text_a",), ("text_b",), ("text_a", "text_b"))


def augment(
    rows: Iterable[Example], augmenters: Mapping[str, Augmenter], n_iter: int, seed: int
) -> Iterator[Example]:
    """Up to `n_iter` new rows, without labels, for each row (Tang et al. 2019, section 3.2).

    Pairs go through the cycle first text, second text, both. A text that did not change, or
    that was made before, is dropped. Each row draws from its own generator, seeded by its id,
    so that the result does not depend on the other rows.
    """
    if not augmenters:
        return
    seen: set[bytes] = set()
    for row in rows:
        random = Random(f"augment {seed} {row.id}")
        seen.add(_digest(row))
        for turn in range(n_iter):
            new = _one(row, augmenters, turn, random)
            if _digest(new) not in seen:
                seen.add(_digest(new))
                yield new


def _one(row: Example, augmenters: Mapping[str, Augmenter], turn: int, random: Random) -> Example:
    sides = SIDES[turn % 3] if row.text_b is not None else ("text_a",)
    used = set()
    texts: dict[str, Any] = {}
    for side in sides:
        words = getattr(row, side).split()
        for name, augmenter in augmenters.items():
            changed = augmenter(words, random)
            if changed != words:
                used.add(name)
            words = changed
        texts[side] = " ".join(words)
    return replace(
        row,
        id=f"{row.id}+{turn}",
        label=None,
        source="+".join(sorted(used)) or "none",
        parent=row.id,
        **texts,
    )


def _digest(row: Example) -> bytes:
    return blake2b(f"{row.text_a}\0{row.text_b or ''}".encode(), digest_size=8).digest()
