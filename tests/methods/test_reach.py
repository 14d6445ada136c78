"""Parameters that a loss does not reach: found in its graph, and tied to it without a trace."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from kdlight.methods.reach import tied, unreached


def network():
    return nn.ModuleDict(
        {"used": nn.Linear(3, 2), "through": nn.Linear(2, 2), "not": nn.LSTM(2, 1)}
    )


def test_they_are_those_without_a_gradient():
    torch.manual_seed(0)
    model = network()
    model["used"].bias.requires_grad_(False)
    inner = model["used"](torch.randn(4, 3))
    loss = checkpoint(model["through"], inner, use_reentrant=False).square().sum()
    found = {id(p) for p in unreached(loss, model.parameters())}
    loss.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert found == {id(p) for p in trained if p.grad is None}
    assert found == {id(p) for p in model["not"].parameters()}


def test_tied_they_get_a_gradient_of_zero():
    model = network()
    with torch.no_grad():
        model["not"].bias_ih_l0.fill_(torch.inf)  # nothing of it enters the loss
    loss = model["used"](torch.ones(1, 3)).sum()
    rest = list(unreached(loss, model.parameters()))
    total = tied(loss, rest)
    assert torch.equal(total, loss)
    total.backward()
    assert len(rest) == 6
    assert not any(p.grad.any() for p in rest)
    assert list(unreached(total, model.parameters())) == []
