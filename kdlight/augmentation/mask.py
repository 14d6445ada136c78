"""Masking of words (Tang et al. 2019, section 3.2)."""

from random import Random


class Mask:
    """Each word becomes `[MASK]` with the given probability (any tokenizer's mask when encoded)."""

    def __init__(self, probability: float = 0.1) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability} must lie between 0 and 1")
        self.probability = probability

    def __call__(self, words: list[str], random: Random) -> list[str]:
        """A new list of words of the same length."""
        return ["[MASK]" if random.random() < self.probability else word for word in words]
