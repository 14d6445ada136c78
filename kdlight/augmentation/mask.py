"""Masking of words (Tang et al. 2019, section 3.2)."""

from random import Random

from kdlight.augmentation.word import Chooser, WordAugmenter


class Mask(WordAugmenter):
    """A word becomes `[MASK]` with the given probability (any tokenizer's mask when encoded)."""

    def __init__(self, probability: float = 0.1) -> None:
        super().__init__(probability)

    def choosers(self, texts: list[list[str]]) -> list[Chooser]:
        """The same for every text and place."""
        return [_mask] * len(texts)


def _mask(place: int, random: Random) -> str:
    del place, random
    return "[MASK]"
