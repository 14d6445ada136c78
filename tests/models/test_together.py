"""Both ways of an LSTM on two threads: the same bits, and faults reach the caller."""

import pytest
import torch
from torch import nn

from kdlight.measure.threads import threads
from kdlight.models.together import together
from kdlight.models.two_way import TwoWayLSTM

pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def passed(model, inputs, lengths, count):
    model.zero_grad()
    inputs = inputs.detach().requires_grad_()
    with threads(count):
        states = model.last(inputs, lengths)
        states.square().sum().backward()
    return [states, inputs.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("lengths", [[7, 7, 7], [7, 3, 5]])
def test_two_threads_give_the_bits_of_one(lengths, half):
    torch.manual_seed(0)
    model, inputs = TwoWayLSTM(6, 5), torch.randn(3, 7, 6)
    lengths = torch.tensor(lengths)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        one, two = (passed(model, inputs, lengths, count) for count in (1, 2))
    assert two[0].dtype == (torch.bfloat16 if half else torch.float32)
    for expected, found in zip(one, two, strict=True):
        assert torch.equal(found, expected)
    assert torch.get_num_threads() == 2


def test_what_is_frozen_gets_no_gradient():
    torch.manual_seed(0)
    first, second = nn.LSTM(4, 3, batch_first=True), nn.LSTM(4, 3, batch_first=True)
    first.requires_grad_(False)
    inputs = torch.randn(2, 5, 4)
    ahead, back = together(first, second, inputs, inputs)
    (ahead.sum() + back.sum()).backward()
    assert all(weight.grad is None for weight in first.parameters())
    assert all(weight.grad is not None for weight in second.parameters())
    with torch.no_grad():
        again, _ = together(first, second, inputs, inputs)
    assert torch.equal(again, ahead)
    assert not again.requires_grad


@pytest.mark.parametrize("broken", ["first", "second"])
def test_a_fault_on_either_thread_is_raised(broken):
    good, bad = nn.LSTM(4, 3, batch_first=True), nn.LSTM(9, 3, batch_first=True)
    order = (bad, good) if broken == "first" else (good, bad)
    with pytest.raises(RuntimeError, match=r"must be equal|size"):
        together(*order, torch.randn(2, 5, 4), torch.randn(2, 5, 4))
    assert torch.get_num_threads() == 2
