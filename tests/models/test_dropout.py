"""Dropout from random bits: the right share, the right scale, and a mask that gradients share."""

import pytest
import torch
from torch import nn

from kdlight.models.dropout import FastDropout, with_fast_dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
def test_elements_are_dropped_with_p_and_the_others_scaled(p):
    torch.manual_seed(0)
    out = FastDropout(p)(torch.ones(400, 501))
    share = float((out == 0).float().mean())
    assert share == pytest.approx(p, abs=4 * (p * (1 - p) / out.numel()) ** 0.5)
    assert float(out.max()) == pytest.approx(1 / (1 - p), rel=1e-4)
    assert len(out.unique()) == 2
    assert float(out.mean()) == pytest.approx(1, abs=0.02)


def test_neighbours_are_dropped_apart():
    torch.manual_seed(0)
    kept = (FastDropout(0.5)(torch.ones(200_000)) > 0).float()
    for apart in (1, 2, 3, 4, 5):
        assert abs(float(torch.corrcoef(torch.stack([kept[apart:], kept[:-apart]]))[0, 1])) < 0.01


def test_the_gradient_has_the_mask_of_the_output():
    values = torch.ones(7, 5, requires_grad=True)
    out = FastDropout(0.3)(values)
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())


def test_the_seed_decides_the_mask():
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(FastDropout(0.5)(torch.ones(100)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_nothing_is_dropped_in_evaluation_or_with_p_0():
    values = torch.randn(10)
    assert FastDropout(0.5).eval()(values) is values
    assert torch.equal(FastDropout(0.0)(values), values)
    assert torch.equal(FastDropout(1.0)(values), torch.zeros(10))


def test_bf16_stays_bf16():
    assert FastDropout(0.5)(torch.ones(9, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_it_takes_the_place_of_dropout_in_a_network_of_others():
    network = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(0.25), nn.ReLU()))
    with_fast_dropout(network.eval())
    dropout = network[1][0]
    assert type(dropout) is FastDropout
    assert dropout.p == 0.25
    assert not dropout.training
    assert torch.equal(network(torch.ones(2, 3)), network[1][1](network[0](torch.ones(2, 3))))
