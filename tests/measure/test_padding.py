"""Real tokens over computed tokens, each form of text by itself."""

import pytest

from kdlight.measure.padding import real_share


def test_shares_are_of_tokens_over_all_batches(make_batch):
    batches = [make_batch([4, 2], pair=True), make_batch([1, 3])]
    found = real_share(batches)
    # Texts: 6 of 8 twice, and 4 of 6; joint: 6 of 8 and 4 of 6.
    assert found == {"texts": pytest.approx(16 / 22), "joint": pytest.approx(10 / 14)}
