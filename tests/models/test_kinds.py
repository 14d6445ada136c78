"""Heads of span and choice tasks, and the losses on their logits."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from kdlight.losses.annealed import annealed
from kdlight.losses.hard import hard_loss
from kdlight.losses.logits import logit_mse, soft_kl
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.kinds import NEVER, Choice, Span
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import Batch, UserError


def batch_of(**fields):
    rows = torch.arange(2)
    return Batch("t", rows, rows, torch.zeros(2), **fields)


def test_a_span_lies_in_its_context_or_nowhere():
    raw = torch.randn(2, 7, 2)
    logits = Span().logits(raw, batch_of(context=torch.tensor([[3, 5], [2, 7]])))
    assert logits.shape == (2, 2, 7)
    allowed = torch.tensor([[1, 0, 0, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1, 1]]).bool()
    for side in (0, 1):
        assert torch.equal(logits[:, side][allowed], raw[:, :, side][allowed])
        assert (logits[:, side][~allowed] == NEVER).all()


def test_options_are_laid_side_by_side():
    raw = torch.arange(5.0)[:, None].requires_grad_()
    logits = Choice().logits(raw, batch_of(options=torch.tensor([2, 3])))
    assert logits.tolist() == [[0, 1, NEVER], [2, 3, 4]]
    hard_loss(logits, torch.tensor([1.0, 0.0])).backward()
    assert (raw.grad != 0).all()


def test_what_cannot_be_chosen_has_no_share_in_any_loss():
    ours = torch.tensor([[0.3, 1.0, NEVER], [2.0, 3.0, 4.0]])
    theirs = torch.tensor([[1.3, 1.0, NEVER], [0.0, 3.0, 1.0]])
    assert float(logit_mse(ours, theirs)) == pytest.approx((1 + 4 + 9) / 2)
    first = soft_kl(ours[:1, :2], theirs[:1, :2], 2.0) + soft_kl(ours[1:], theirs[1:], 2.0)
    assert float(soft_kl(ours, theirs, 2.0)) == pytest.approx(float(first) / 2)
    labels = torch.tensor([1.0, float("nan")])
    assert torch.isfinite(annealed(ours, theirs, labels, 0.5))


def test_start_and_end_are_decisions_of_their_own():
    logits, labels = torch.randn(3, 2, 5), torch.tensor([[1.0, 2.0], [0.0, 0.0], [np.nan, np.nan]])
    known = [(row, side) for row in (0, 1) for side in (0, 1)]
    losses = [F.cross_entropy(logits[r, s], labels[r, s].long()) for r, s in known]
    assert float(hard_loss(logits, labels)) == pytest.approx(float(sum(losses)) / 6)
    theirs = torch.randn(3, 2, 5)
    each = [soft_kl(logits[:, s], theirs[:, s], 3.0) for s in (0, 1)]
    assert float(soft_kl(logits, theirs, 3.0)) == pytest.approx(float(sum(each)) / 2)
    assert float(logit_mse(logits, theirs)) == pytest.approx(
        float((logits - theirs).square().sum()) / 6
    )


def test_a_network_without_a_vector_a_token_is_refused():
    encoder = BiLSTMEncoder(TokenEmbeddings(10, 0, dim=4), hidden=3)
    with pytest.raises(UserError, match="student=transformer3"):
        MultiTaskModel(encoder, LinearHead, {"t": (2, True, "span")})
