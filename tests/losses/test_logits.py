"""Logit losses against naive loops and torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from kdlight.losses.logits import LogitMSE, SoftKL, logit_mse, soft_kl
from kdlight.types import ModelOutput


@pytest.fixture
def logits():
    """Student and teacher logits, [7 3]."""
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.randn(7, 3, generator=generator) * 3 for _ in range(2))


def test_logit_mse_sums_over_classes_and_averages_over_rows(logits):
    student, teacher = (x.tolist() for x in logits)
    total = 0.0
    for row in range(7):
        for a, b in zip(student[row], teacher[row], strict=True):
            total += (a - b) ** 2
    assert logit_mse(*logits).item() == pytest.approx(total / 7)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 8.0])
def test_soft_kl_is_the_divergence_of_distributions_times_t_squared(logits, temperature):
    student, teacher = logits
    p, q = (Categorical(logits=x / temperature) for x in (teacher, student))
    expected = temperature**2 * kl_divergence(p, q).mean()
    assert soft_kl(student, teacher, temperature).item() == pytest.approx(expected.item(), rel=1e-5)


def test_soft_kl_by_hand():
    """Teacher (2, 0), student (0, 0), T = 2: softened teacher is (e/(e+1), 1/(e+1))."""
    high = math.e / (math.e + 1)
    expected = 4 * (high * math.log(high / 0.5) + (1 - high) * math.log((1 - high) / 0.5))
    loss = soft_kl(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]), 2.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_keeps_its_size_as_the_temperature_grows(logits):
    def size(temperature):
        student = logits[0].clone().requires_grad_()
        soft_kl(student, logits[1], temperature).backward()
        return student.grad.norm().item()

    assert 0.9 < size(1000) / size(100) < 1.1
    # The limit is the gradient of half the squared distance of the centred logits, per class.
    centred = [x - x.mean(dim=1, keepdim=True) for x in logits]
    assert size(1000) == pytest.approx(((centred[0] - centred[1]) / 3 / 7).norm().item(), rel=0.02)


def test_halves_average_to_the_whole(logits):
    student, teacher = (torch.cat([x, x[:1]]) for x in logits)
    for loss in (logit_mse, lambda s, t: soft_kl(s, t, 2.0)):
        parts = [loss(student[i : i + 4], teacher[i : i + 4]).item() for i in (0, 4)]
        assert loss(student, teacher).item() == pytest.approx(sum(parts) / 2)


@pytest.mark.parametrize("loss", [LogitMSE(), SoftKL(temperature=3.0)])
def test_gradient_reaches_the_student_and_equal_logits_cost_nothing(loss, logits, make_batch):
    batch = make_batch([1] * 7)
    student = logits[0].clone().requires_grad_()
    value = loss(ModelOutput(logits=student), ModelOutput(logits=logits[1]), batch)
    value.backward()
    assert value.item() > 0
    assert (student.grad != 0).any(dim=1).all()
    same = loss(ModelOutput(logits=logits[1]), ModelOutput(logits=logits[1]), batch)
    assert same.item() == pytest.approx(0, abs=1e-6)
    assert loss.needs == {"logits"}


def test_the_temperature_of_the_term_is_used(logits, make_batch):
    outputs = [ModelOutput(logits=x) for x in logits]
    loss = SoftKL(temperature=5.0)(*outputs, make_batch([1] * 7))
    assert loss.item() == pytest.approx(soft_kl(*logits, 5.0).item())
    assert loss.item() != pytest.approx(soft_kl(*logits, 2.0).item())


def test_a_graded_task_has_squared_distance_at_any_temperature(make_batch):
    student, teacher = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [2.5]])
    loss = SoftKL(temperature=4.0)(
        ModelOutput(logits=student), ModelOutput(logits=teacher), make_batch([1, 1])
    )
    assert loss.item() == pytest.approx((4 + 0.25) / 2)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=f"temperature={temperature}"):
        SoftKL(temperature=temperature)
