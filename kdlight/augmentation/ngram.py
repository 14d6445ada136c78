"""Keeping an n-gram (Tang et al. 2019, section 3.2)."""

from random import Random


class NGram:
    """With the given probability only n neighbouring words stay, n uniform in 1..longest."""

    def __init__(self, probability: float = 0.25, longest: int = 5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability} must lie between 0 and 1")
        if longest < 1:
            raise ValueError(f"longest={longest} must be at least 1")
        self.probability, self.longest = probability, longest

    def __call__(self, words: list[str], random: Random) -> list[str]:
        """The words, or a run of them; never empty if `words` is not."""
        if random.random() >= self.probability:
            return words
        size = min(random.randint(1, self.longest), len(words))
        start = random.randint(0, len(words) - size)
        return words[start : start + size]
