"""The loss on labels against PyTorch's own, on known rows only."""

from math import nan

import pytest
import torch
from torch.nn import functional as F

from kdlight.losses.hard import Hard, TeacherLabels, hard_loss
from kdlight.types import ModelOutput

LOGITS = torch.tensor([[2.0, -1.0, 0.3], [0.1, 0.2, 0.9], [-3.0, 1.0, 0.5], [0.0, 0.0, 4.0]])


def test_several_outputs_are_cross_entropy():
    labels = torch.tensor([0.0, 2.0, 2.0, 1.0])
    assert hard_loss(LOGITS, labels) == pytest.approx(F.cross_entropy(LOGITS, labels.long()).item())


def test_one_output_is_squared_error():
    logits, labels = torch.tensor([[1.5], [-2.0], [0.25]]), torch.tensor([1.0, 2.0, 0.0])
    assert hard_loss(logits, labels) == pytest.approx(F.mse_loss(logits[:, 0], labels).item())


@pytest.mark.parametrize("classes", [1, 3])
def test_unknown_rows_add_nothing_and_get_no_gradient(classes):
    logits = LOGITS[:, :classes].clone().requires_grad_()
    known = [0, 2]
    labels = torch.tensor([2.0 if classes > 1 else 0.7, nan, 0.0, nan])
    loss = hard_loss(logits, labels)
    loss.backward()
    part = hard_loss(logits.detach()[known], labels[known])
    assert loss.item() == pytest.approx(part.item() * 2 / 4)
    assert torch.equal(logits.grad[[1, 3]], torch.zeros(2, classes))
    assert (logits.grad[known] != 0).any(dim=1).all()


def test_a_batch_without_labels_costs_nothing():
    logits = LOGITS.clone().requires_grad_()
    loss = hard_loss(logits, torch.full((4,), nan))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(LOGITS))


def test_the_whole_is_the_mean_of_its_halves():
    labels = torch.tensor([0.0, nan, 2.0, 1.0])
    halves = [hard_loss(LOGITS[i : i + 2], labels[i : i + 2]).item() for i in (0, 2)]
    assert hard_loss(LOGITS, labels).item() == pytest.approx(sum(halves) / 2)


def test_gold_labels_are_those_of_the_batch(make_batch):
    batch = make_batch([2, 2, 2, 2], labels=[0.0, 2.0, nan, 1.0])
    loss = Hard()(ModelOutput(logits=LOGITS), None, batch)
    assert loss.item() == pytest.approx(hard_loss(LOGITS, batch.labels).item())
    assert Hard.needs == frozenset()


def test_teacher_labels_are_its_decisions_not_the_gold_ones(make_batch):
    batch = make_batch([2, 2, 2, 2], labels=[nan] * 4)
    teacher = ModelOutput(logits=LOGITS.roll(1, dims=0))
    loss = TeacherLabels()(ModelOutput(logits=LOGITS), teacher, batch)
    expected = F.cross_entropy(LOGITS, torch.tensor([2, 0, 2, 1]))
    assert loss.item() == pytest.approx(expected.item())


def test_teacher_labels_of_a_graded_task_are_its_grades(make_batch):
    batch = make_batch([2, 2], labels=[nan, nan])
    student, teacher = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.5], [4.0]])
    loss = TeacherLabels()(ModelOutput(logits=student), ModelOutput(logits=teacher), batch)
    assert loss.item() == pytest.approx((0.5**2 + 1.0**2) / 2)
