"""Masking of words (Tang et al. 2019, section 3.2)."""

from random import Random


class Mask:
    """Each word becomes the mask token with the given probability."""

    def __init__(self, probability: float = 0.1, token: str = "[MASK]") -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability} must lie between 0 and 1")
        self.probability, self.token = probability, token

    def __call__(self, words: list[str], random: Random) -> list[str]:
        """A new list of words of the same length."""
        return [self.token if random.random() < self.probability else word for word in words]
