"""Keeping an n-gram (Tang et al. 2019, section 3.2)."""

from random import Random

from kdlight.augmentation.words import join, split


class NGram:
    """With the given probability only n neighbouring words stay, n uniform in 1..longest."""

    def __init__(self, probability: float = 0.25, longest: int = 5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability} must lie between 0 and 1")
        if longest < 1:
            raise ValueError(f"longest={longest} must be at least 1")
        self.probability, self.longest = probability, longest

    def __call__(self, text: str, random: Random) -> str:
        """The text, or a run of its words; never empty if `text` is not."""
        if random.random() >= self.probability:
            return text
        words = split(text)
        size = min(random.randint(1, self.longest), len(words))
        start = random.randint(0, len(words) - size)
        return join(words[start : start + size])
