"""Grades in losses: units of half their range, starting from the middle."""

from functools import partial

import pytest
import torch
from torch import nn

from kdlight.losses.hard import Hard
from kdlight.losses.logits import LogitMSE
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.distill import Distill
from kdlight.methods.finetune import Finetune
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.heads import LinearHead, MLPHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.teachers.online import OnlineTeacher
from kdlight.types import Output

OUTPUTS = {"graded": (1, False, "text", (0.0, 5.0)), "decided": (2, False)}


def network(head=LinearHead):
    return MultiTaskModel(BiLSTMEncoder(nn.Embedding(40, 6), hidden=4), head, OUTPUTS).eval()


def common(model):
    made = {
        "metrics": {"graded": (["pearson"], 1), "decided": (["accuracy"], 2)},
        "optimizer": torch.optim.Adam,
        "schedule": lambda optimizer, _: torch.optim.lr_scheduler.ConstantLR(optimizer),
        "total_steps": 3,
        "seed": 0,
    }
    return {"model": model, **made}


@pytest.mark.parametrize("head", [LinearHead, partial(MLPHead, hidden=3)])
def test_grades_start_in_the_middle(head):
    model = network(head)
    assert model.heads["graded"].output.bias.tolist() == [2.5]
    assert (model.heads["decided"].output.bias.abs() < 1).all()


@pytest.mark.parametrize(("task", "share"), [("graded", 1 / 2.5**2), ("decided", 1)])
def test_only_the_losses_of_grades_are_in_their_unit(make_batch, task, share):
    model, teacher = network(), network()
    for parameter in teacher.parameters():
        nn.init.normal_(parameter)
    batch = make_batch([3, 2], task=task)
    ours, theirs = model(batch), teacher(batch)
    for name, term in (("hard", Hard()), ("mse", LogitMSE())):
        raw = term(ours, theirs, batch).detach()
        live = OnlineTeacher({task: teacher})
        method = Distill(WeightedSum({name: term}), live, **common(model)).eval()
        found, parts = method.loss(batch)
        assert float(found.detach()) == pytest.approx(share * float(raw))
        assert float(parts[name]) == pytest.approx(share * float(raw))
    gold = Finetune(**common(model)).eval().loss(batch)[0]
    assert float(gold.detach()) == pytest.approx(share * float(Hard()(ours, None, batch).detach()))


def test_the_unit_is_half_the_range():
    output = Output.of({"num_outputs": 1, "pair": True, "grades": [1, 4]})
    assert (output.middle, output.unit) == (2.5, 1.5)
    assert (Output(3, False).middle, Output(3, False).unit) == (0, 1)
