"""POS-guided replacement of words (Tang et al. 2019, section 3.2)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, islice
from random import Random

from kdlight.augmentation.tagger import PatternTagger
from kdlight.augmentation.word import Chooser, Texts, WordAugmenter

Tagger = Callable[[list[list[str]]], list[list[str]]]
CHUNK = 1024  # texts that are tagged at once


class PartOfSpeech(WordAugmenter):
    """A word becomes another with its tag, drawn as often as that occurs in the task's text.

    Args:
        probability: share of the words that are replaced.
        tagger: from the words of some texts to their tags; by default `PatternTagger`.
    """

    def __init__(self, probability: float = 0.1, tagger: Tagger | None = None) -> None:
        super().__init__(probability)
        self.tagger: Tagger = tagger or PatternTagger()
        self._words: dict[str, list[str]] = {}
        self._bounds: dict[str, list[int]] = {}

    def fit(self, texts: Texts) -> None:
        """Counts the words of each tag."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word, tag in self._tagged(texts()):
            counts[tag][word] += 1
        self._words = {tag: list(found) for tag, found in counts.items()}
        self._bounds = {tag: list(accumulate(found.values())) for tag, found in counts.items()}

    def choosers(self, texts: list[list[str]]) -> list[Chooser]:
        """Tags the texts, all at once."""
        return [partial(self._draw, tags) for tags in self.tagger(texts)]

    def _tagged(self, texts: Iterator[list[str]]) -> Iterator[tuple[str, str]]:
        while chunk := list(islice(texts, CHUNK)):
            for words, tags in zip(chunk, self.tagger(chunk), strict=True):
                yield from zip(words, tags, strict=True)

    def _draw(self, tags: list[str], place: int, random: Random) -> str:
        tag = tags[place]
        return random.choices(self._words[tag], cum_weights=self._bounds[tag])[0]
