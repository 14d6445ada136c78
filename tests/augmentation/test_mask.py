"""Masking of words."""

from random import Random

import pytest

from kdlight.augmentation.mask import Mask


def test_a_mask_is_written_at_every_place():
    chooser = Mask(0.1).choosers([["a", "b"]])[0]
    assert [chooser(place, Random(0)) for place in (0, 1)] == ["[MASK]", "[MASK]"]


@pytest.mark.parametrize("probability", [-0.1, 1.5])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match=f"probability={probability}"):
        Mask(probability)
