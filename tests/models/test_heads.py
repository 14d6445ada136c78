"""Heads and the routing of a batch to its head."""

import pytest
import torch
from torch import nn

from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.heads import LinearHead, MLPHead
from kdlight.models.multitask import MultiTaskModel


def test_mlp_head_is_linear_relu_linear():
    head = MLPHead(6, 3, hidden=5).eval()
    features = torch.randn(4, 6)
    hidden = (features @ head.hidden.weight.T + head.hidden.bias).clamp(min=0)
    assert (hidden == 0).any()
    torch.testing.assert_close(head(features), hidden @ head.output.weight.T + head.output.bias)


@pytest.mark.parametrize("head", [LinearHead(6, 3, dropout=0.5), MLPHead(6, 3, 50, dropout=0.5)])
def test_dropout_acts_in_training_only(head):
    features = torch.randn(4, 6)
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))


def test_a_batch_uses_the_head_of_its_task_and_no_other(make_batch):
    encoder = BiLSTMEncoder(nn.Embedding(40, 6), hidden=4)
    outputs = {"single": (3, False), "graded": (1, True)}
    model = MultiTaskModel(encoder, LinearHead, outputs).eval()
    batch = make_batch([2, 3], task="graded", pair=True)
    logits = model(batch).logits
    torch.testing.assert_close(logits, model.heads["graded"].output(encoder(batch)))
    assert logits.shape == (2, 1)
    logits.sum().backward()
    assert all(p.grad is not None for p in model.heads["graded"].parameters())
    assert all(p.grad is None for p in model.heads["single"].parameters())
    assert model(make_batch([2, 3], task="single")).logits.shape == (2, 3)
    assert (model.reads, model.provides) == (encoder.reads, encoder.provides)
