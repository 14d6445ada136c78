"""What every augmenter of single words has in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from random import Random

Chooser = Callable[[int, Random], str]
Texts = Callable[[], Iterator[list[str]]]


class WordAugmenter(ABC):
    """Puts another word in the place of some; `augment` draws which.

    A user's own augmenter is a subclass with `choosers`. Augmenters of whole texts need no
    base: any callable from (text, random) to a text will do.

    Args:
        probability: share of the words that it replaces.
    """

    def __init__(self, probability: float) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability} must lie between 0 and 1")
        self.probability = probability

    def fit(self, texts: Texts) -> None:
        """Learns what it needs from the words of all texts, which `texts()` goes through."""
        del texts  # most need nothing

    @abstractmethod
    def choosers(self, texts: list[list[str]]) -> list[Chooser]:
        """For each text, what gives the new word at a place in it."""
