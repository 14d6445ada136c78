"""More text from few rows: the heuristics of Tang et al. 2019 (arXiv 1903.12136), section 3.2."""

from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from random import Random
from typing import Any

from kdlight.augmentation.seen import Seen
from kdlight.augmentation.word import Chooser, WordAugmenter
from kdlight.augmentation.words import join, split
from kdlight.types import Example

TextAugmenter = Callable[[str, Random], str]
Augmenters = Mapping[str, WordAugmenter | TextAugmenter]
SIDES = (("text_a",), ("text_b",), ("text_a", "text_b"))
CHUNK = 256  # rows that are prepared at once


def augment(
    rows: Callable[[], Iterator[Example]], augmenters: Augmenters, n_iter: int, seed: int
) -> Iterator[Example]:
    """Up to `n_iter` new rows for each row, in their order.

    One draw X ~ U(0, 1) a word decides which of the augmenters of words takes it: the first
    if X lies below its probability, the second if above that and below the sum of both, and so
    on. Then the augmenters of whole texts work one after the other. Pairs go through the cycle
    first text, second text, both. A new row is dropped if every word was replaced, or if there
    was one like it. Each row draws from its own generator, seeded by its id.

    Args:
        rows: the rows, as often as they are asked for.
        augmenters: by name, which becomes the new row's `source`.
        n_iter: rounds over each row.
        seed: of the draws.

    Raises:
        ValueError: if the probabilities of the augmenters of words add up to more than 1.
    """
    if not augmenters or not n_iter:
        return
    machine = _Machine(augmenters)
    machine.fit(rows)
    seen = Seen()
    stream = rows()
    while chunk := list(islice(stream, CHUNK)):
        for row, texts in zip(chunk, machine.prepare(chunk), strict=True):
            random = Random(f"augment {seed} {row.id}")
            seen.add(_key(row))
            for turn in range(n_iter):
                new = machine.change(row, texts, turn, random)
                if new is not None and seen.add(_key(new)):
                    yield new


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of one text, and for each augmenter of words what chooses the new ones."""

    words: list[str]
    choosers: tuple[Chooser, ...]


class _Machine:
    """The augmenters, sorted by what they work on."""

    def __init__(self, augmenters: Augmenters) -> None:
        self.of_words = {n: a for n, a in augmenters.items() if isinstance(a, WordAugmenter)}
        self.of_texts = {n: a for n, a in augmenters.items() if not isinstance(a, WordAugmenter)}
        self.names = list(self.of_words)
        self.bounds = list(accumulate(a.probability for a in self.of_words.values()))
        if self.bounds and self.bounds[-1] > 1 + 1e-9:
            raise ValueError(
                f"the probabilities of {', '.join(self.of_words)} add up to {self.bounds[-1]:g}, "
                "more than 1"
            )

    def fit(self, rows: Callable[[], Iterator[Example]]) -> None:
        def texts() -> Iterator[list[str]]:
            for row in rows():
                for text in filter(None, (row.text_a, row.text_b)):
                    yield _bare(split(text))

        for augmenter in self.of_words.values():
            augmenter.fit(texts)

    def prepare(self, rows: list[Example]) -> list[dict[str, _Text]]:
        """The texts of the rows by side, with their choosers."""
        found = [
            (number, side, split(text))
            for number, row in enumerate(rows)
            for side in SIDES[2]
            if (text := getattr(row, side)) is not None
        ]
        bare = [_bare(words) for _, _, words in found]
        choosers = [augmenter.choosers(bare) for augmenter in self.of_words.values()]
        prepared: list[dict[str, _Text]] = [{} for _ in rows]
        for place, (number, side, words) in enumerate(found):
            mine = tuple(of_texts[place] for of_texts in choosers)
            prepared[number][side] = _Text(words, mine)
        return prepared

    def change(
        self, row: Example, texts: Mapping[str, _Text], turn: int, random: Random
    ) -> Example | None:
        """A new row, or None where nothing of a text is left."""
        sides = SIDES[turn % 3] if row.text_b is not None else SIDES[0]
        used: set[str] = set()
        changed: dict[str, Any] = {}
        for side in sides:
            words, names = self._words(texts[side], random)
            if len(words) == sum(names.values()):
                return None
            used |= set(names)
            text = join(words)
            for name, augmenter in self.of_texts.items():
                before, text = text, augmenter(text, random)
                if text != before:
                    used.add(name)
            changed[side] = text
        source = "+".join(sorted(used)) or "none"
        return replace(row, id=f"{row.id}+{turn}", source=source, parent=row.id, **changed)

    def _words(self, text: _Text, random: Random) -> tuple[list[str], dict[str, int]]:
        """The words after the one draw each, and how many each augmenter took."""
        words, names = list(text.words), dict[str, int]()
        if not self.of_words:
            return words, names
        draws = [random.random() for _ in words]
        for place, draw in enumerate(draws):
            if draw < self.bounds[-1]:
                taker = bisect(self.bounds, draw)
                space = words[place][len(words[place].rstrip()) :]
                words[place] = text.choosers[taker](place, random) + space
                names[self.names[taker]] = names.get(self.names[taker], 0) + 1
        return words, names


def _bare(words: list[str]) -> list[str]:
    return [word.rstrip() for word in words]


def _key(row: Example) -> str:
    return f"{row.text_a}\0{row.text_b or ''}"
