"""LazyAdamW is AdamW on dense gradients and SparseAdam on sparse ones; LazyAdadelta is AdaDelta."""

import copy

import pytest
import torch
from torch import nn

from kdlight.methods.optimizers import LazyAdadelta, LazyAdamW, only_touched_rows

SETTINGS = {"lr": 0.03, "betas": (0.8, 0.95), "eps": 1e-7}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))


def train_dense(model, optimizer, steps):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(6, 5, generator=generator)).square().sum().backward()
        optimizer.step()


def test_equals_adamw_bit_for_bit_on_dense_gradients():
    ours, theirs = network(), network()
    train_dense(ours, LazyAdamW(ours.parameters(), weight_decay=0.1, **SETTINGS), 12)
    train_dense(
        theirs, torch.optim.AdamW(theirs.parameters(), weight_decay=0.1, fused=True, **SETTINGS), 12
    )
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(ours[0].weight, network()[0].weight)


def table(sparse=True):
    torch.manual_seed(0)
    return nn.Embedding(20, 4, sparse=sparse)


def batches(steps):
    """Rows 0 to 14 with repetitions; rows 15 to 19 never."""
    generator = torch.Generator().manual_seed(2)
    return [torch.randint(0, 15, (9,), generator=generator) for _ in range(steps)]


def train_table(embedding, optimizer, rows):
    target = torch.linspace(-1, 1, 80).reshape(20, 4)
    for chosen in rows:
        optimizer.zero_grad()
        (embedding(chosen) - target[chosen]).square().sum().backward()
        optimizer.step()


def test_equals_sparse_adam_on_sparse_gradients():
    ours, theirs = table(), table()
    train_table(ours, LazyAdamW(ours.parameters(), weight_decay=0.5, **SETTINGS), batches(15))
    train_table(theirs, torch.optim.SparseAdam(theirs.parameters(), **SETTINGS), batches(15))
    torch.testing.assert_close(ours.weight, theirs.weight)
    assert (ours.weight - table().weight)[:15].abs().min() > 0


def test_rows_that_were_not_touched_stay_as_they_were():
    ours = table()
    optimizer = LazyAdamW(ours.parameters(), weight_decay=0.5, **SETTINGS)
    train_table(ours, optimizer, batches(15))
    assert torch.equal(ours.weight[15:], table().weight[15:])
    before = ours.weight.clone()
    train_table(ours, optimizer, [torch.tensor([3, 3, 7])])
    moved = (ours.weight != before).any(dim=1)
    assert moved.nonzero()[:, 0].tolist() == [3, 7]


def test_a_marked_table_moves_alike_with_dense_gradients():
    sparse, dense = table(), table(sparse=False)
    only_touched_rows(dense.weight)
    for embedding in (sparse, dense):
        train_table(embedding, LazyAdamW(embedding.parameters(), **SETTINGS), batches(15))
    torch.testing.assert_close(sparse.weight, dense.weight)
    assert torch.equal(dense.weight[15:], table().weight[15:])


def test_an_unmarked_table_with_dense_gradients_is_decayed_as_by_adamw():
    ours, theirs = table(sparse=False), table(sparse=False)
    train_table(ours, LazyAdamW(ours.parameters(), weight_decay=0.5, **SETTINGS), batches(5))
    adamw = torch.optim.AdamW(theirs.parameters(), weight_decay=0.5, fused=True, **SETTINGS)
    train_table(theirs, adamw, batches(5))
    assert torch.equal(ours.weight, theirs.weight)
    assert not torch.equal(ours.weight[15:], table().weight[15:])


@pytest.mark.parametrize("sparse", [True, False])
def test_a_stopped_run_goes_on_bit_for_bit(sparse):
    rows = batches(10)
    whole = table(sparse)
    train_table(whole, LazyAdamW(whole.parameters(), **SETTINGS), rows)
    stopped = table(sparse)
    first = LazyAdamW(stopped.parameters(), **SETTINGS)
    train_table(stopped, first, rows[:4])
    state = copy.deepcopy(first.state_dict())
    second = LazyAdamW(stopped.parameters(), lr=99.0)
    second.load_state_dict(state)
    train_table(stopped, second, rows[4:])
    assert torch.equal(stopped.weight, whole.weight)


def test_groups_keep_their_own_rates():
    fast, slow = table(), table()
    groups = [{"params": fast.parameters(), "lr": 0.1}, {"params": slow.parameters(), "lr": 0.001}]
    optimizer = LazyAdamW(groups)
    for embedding in (fast, slow):
        embedding(torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    step = [(e.weight - table().weight)[1:3].abs().mean().item() for e in (fast, slow)]
    assert step == pytest.approx([0.1, 0.001], rel=1e-3)


def test_a_closure_is_called_with_gradients_and_its_value_returned():
    embedding = table()
    optimizer = LazyAdamW(embedding.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = embedding(torch.tensor([1])).square().sum()
        loss.backward()
        return loss

    before = closure().item()
    assert optimizer.step(closure).item() == pytest.approx(before)
    assert closure().item() < before


def test_parameters_without_gradient_are_left_alone():
    embedding = table()
    LazyAdamW(embedding.parameters(), lr=0.1, weight_decay=0.5).step()
    assert torch.equal(embedding.weight, table().weight)


ADADELTA = {"lr": 0.7, "rho": 0.8, "eps": 1e-3}


def test_adadelta_equals_that_of_torch_bit_for_bit_on_dense_gradients():
    ours, theirs = network(), network()
    train_dense(ours, LazyAdadelta(ours.parameters(), weight_decay=0.1, **ADADELTA), 12)
    adadelta = torch.optim.Adadelta(theirs.parameters(), weight_decay=0.1, **ADADELTA)
    train_dense(theirs, adadelta, 12)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(ours[0].weight, network()[0].weight)


@pytest.mark.parametrize("sparse", [True, False])
def test_adadelta_with_every_row_touched_is_that_of_torch_bit_for_bit(sparse):
    ours, theirs = table(sparse), table(sparse=False)
    only_touched_rows(ours.weight)
    order = [torch.arange(20)] * 12
    train_table(ours, LazyAdadelta(ours.parameters(), **ADADELTA), order)
    train_table(theirs, torch.optim.Adadelta(theirs.parameters(), **ADADELTA), order)
    assert torch.equal(ours.weight, theirs.weight)
    assert not torch.equal(ours.weight, table().weight)


@pytest.mark.parametrize("sparse", [True, False])
def test_adadelta_makes_up_for_the_steps_a_row_has_missed(sparse):
    """Rows 15 to 19 come only every fifth step, the others now and then."""
    rows = batches(40)
    for number in range(0, 40, 5):
        rows[number] = torch.cat([rows[number], torch.arange(15, 20)])
    ours, theirs = table(sparse), table(sparse=False)
    only_touched_rows(ours.weight)
    train_table(ours, LazyAdadelta(ours.parameters(), **ADADELTA), rows)
    train_table(theirs, torch.optim.Adadelta(theirs.parameters(), **ADADELTA), rows)
    torch.testing.assert_close(ours.weight, theirs.weight)
    assert (ours.weight - table().weight).abs().min() > 0


def test_adadelta_stopped_goes_on_bit_for_bit():
    rows = batches(20)
    whole, stopped = table(), table()
    train_table(whole, LazyAdadelta(whole.parameters(), **ADADELTA), rows)
    first = LazyAdadelta(stopped.parameters(), **ADADELTA)
    train_table(stopped, first, rows[:7])
    second = LazyAdadelta(stopped.parameters(), lr=99.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train_table(stopped, second, rows[7:])
    assert torch.equal(stopped.weight, whole.weight)
