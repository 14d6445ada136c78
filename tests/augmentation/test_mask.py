"""Masking of words."""

from random import Random

import pytest

from kdlight.augmentation.mask import Mask


def test_each_word_is_masked_with_the_probability():
    """10,000 words at 0.1: five standard deviations are 0.015."""
    words = [f"w{number}" for number in range(10_000)]
    out = Mask(0.1)(words, Random(0))
    masked = [place for place, word in enumerate(out) if word == "[MASK]"]
    assert abs(len(masked) / 10_000 - 0.1) < 0.015
    assert all(out[p] == words[p] for p in set(range(10_000)) - set(masked))
    # Independent of the place: no half has more than its share, five deviations again.
    assert abs(sum(p < 5000 for p in masked) - len(masked) / 2) < 5 * len(masked) ** 0.5 / 2


@pytest.mark.parametrize(("probability", "expected"), [(0.0, ["a", "b"]), (1.0, ["[MASK]"] * 2)])
def test_the_ends_of_the_scale(probability, expected):
    words = ["a", "b"]
    assert Mask(probability)(words, Random(1)) == expected
    assert words == ["a", "b"]


@pytest.mark.parametrize("probability", [-0.1, 1.5])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match=f"probability={probability}"):
        Mask(probability)
