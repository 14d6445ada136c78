"""Weights mean what they say."""

import pytest
import torch

from kdlight.losses.hard import Hard, TeacherLabels
from kdlight.losses.logits import LogitMSE, SoftKL
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.teachers.online import OnlineTeacher
from kdlight.types import ModelOutput, UserError

STUDENT = ModelOutput(logits=torch.tensor([[1.0, 0.0], [0.5, -1.0]]))
TEACHER = ModelOutput(logits=torch.tensor([[0.0, 2.0], [1.5, -1.0]]))


def test_the_total_is_the_plain_weighted_sum(make_batch):
    batch = make_batch([1, 1], labels=[0.0, 1.0])
    terms = {"hard": Hard(weight=0.3), "mse": LogitMSE(weight=20.0), "kl": SoftKL(2.0, weight=0.0)}
    total, parts = WeightedSum(terms)(STUDENT, TEACHER, batch)
    alone = {name: term(STUDENT, TEACHER, batch).item() for name, term in terms.items()}
    assert alone["hard"] > 0
    assert alone["mse"] > 0
    assert total.item() == pytest.approx(0.3 * alone["hard"] + 20 * alone["mse"])
    assert {name: value.item() for name, value in parts.items()} == pytest.approx(alone)


def test_needs_are_those_of_all_terms():
    class Attention(torch.nn.Module):
        needs = frozenset({"attentions"})
        weight = 1.0

    assert WeightedSum({"hard": Hard()}).needs == frozenset()
    both = WeightedSum({"hard": Hard(), "mse": LogitMSE(), "attention": Attention()})
    assert both.needs == {"logits", "attentions"}


@pytest.mark.parametrize("needs", [("logits",), frozenset({"hidden"}), None])
def test_needs_that_no_network_gives_are_refused_by_name(needs):
    term = Hard()
    term.needs = needs
    expected = "Loss odd has needs=.*a frozenset with some of attentions, hidden_states, logits"
    with pytest.raises(UserError, match=expected):
        WeightedSum({"odd": term})


def test_a_negative_weight_is_refused_by_name():
    with pytest.raises(UserError, match=r"loss\.mse\.weight=-0\.5"):
        WeightedSum({"hard": Hard(), "mse": LogitMSE(weight=-0.5)})


def test_no_loss_at_all_is_refused():
    with pytest.raises(UserError, match="No loss"):
        WeightedSum({})


def test_gradient_reaches_the_whole_student_and_never_the_teacher(make_batch):
    def network():
        encoder = BiLSTMEncoder(torch.nn.Embedding(40, 6), hidden=4)
        return MultiTaskModel(encoder, LinearHead, {"demo": (3, False)})

    batch = make_batch([3, 5, 1], labels=[0.0, 2.0, 1.0])
    student, teacher = network(), network()
    assert all(p.requires_grad for p in teacher.parameters())
    losses = WeightedSum(
        {"hard": Hard(), "mse": LogitMSE(), "kl": SoftKL(), "labels": TeacherLabels()}
    )
    total, _ = losses(student(batch), OnlineTeacher({"demo": teacher})(batch), batch)
    total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in student.parameters())
    assert all(p.grad is None for p in teacher.parameters())
    assert not any(p.requires_grad for p in teacher.parameters())
