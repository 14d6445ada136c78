"""Operations of layers whose numbers are known."""

import pytest
import torch
from torch import nn

from kdlight.measure.flops import flops


def test_a_linear_layer_takes_two_operations_a_weight_and_row():
    layer = nn.Linear(7, 11)
    assert flops(lambda: layer(torch.zeros(5, 7))) == 5 * 2 * 7 * 11
    assert flops(lambda: None) == 0


@pytest.mark.parametrize("rows", [1, 3])
def test_an_lstm_takes_its_matrix_products(rows):
    lstm = nn.LSTM(24, 16, batch_first=True).eval()
    expected = rows * 9 * 2 * 4 * 16 * (24 + 16)
    assert flops(lambda: lstm(torch.zeros(rows, 9, 24))) == pytest.approx(expected, rel=0.02)


def test_the_processor_library_is_left_as_it_was():
    before = torch._C._get_mkldnn_enabled()
    assert before
    with pytest.raises(ZeroDivisionError):
        flops(lambda: 1 / 0)
    assert torch._C._get_mkldnn_enabled() == before
