"""Losses over layers against naive loops over the real tokens."""

import pytest
import torch

from kdlight.losses.layers import PKD, AttentionMSE, HiddenMSE
from kdlight.types import ModelOutput, Shape

LENGTHS = [4, 1, 6]
SMALL, BIG = Shape(2, 8, 2), Shape(4, 8, 2)


@pytest.fixture
def outputs():
    """(student, teacher) of two and four layers, 8 wide, with junk at padding."""
    generator = torch.Generator().manual_seed(0)

    def output(shape):
        hidden = [torch.randn(3, 6, shape.hidden, generator=generator)
                  for _ in range(shape.layers + 1)]  # fmt: skip
        heads = [torch.rand(3, shape.heads, 6, 6, generator=generator)
                 for _ in range(shape.layers)]  # fmt: skip
        return ModelOutput(hidden_states=tuple(hidden), attentions=tuple(heads))

    return output(SMALL), output(BIG)


def bound(loss, student=SMALL, teacher=BIG):
    loss.bind(student, teacher)
    return loss


def test_hidden_states(outputs, make_batch):
    student, teacher = outputs
    found = bound(HiddenMSE())(student, teacher, make_batch(LENGTHS))
    expected = []
    for ours, theirs in ((1, 2), (2, 4)):
        apart = [
            (student.hidden_states[ours][row, at] - teacher.hidden_states[theirs][row, at]) ** 2
            for row, length in enumerate(LENGTHS)
            for at in range(length)
        ]
        expected.append(torch.stack(apart).mean())
    torch.testing.assert_close(found, sum(expected) / 2)


def test_attention(outputs, make_batch):
    student, teacher = outputs
    found = bound(AttentionMSE("last"))(student, teacher, make_batch(LENGTHS))
    total = 0.0
    for ours, theirs in ((0, 2), (1, 3)):
        for row, length in enumerate(LENGTHS):
            for query in range(length):
                for head in range(2):
                    for key in range(length):
                        apart = (
                            student.attentions[ours][row, head, query, key]
                            - teacher.attentions[theirs][row, head, query, key]
                        )
                        total += float(apart) ** 2 / 2 / sum(LENGTHS) / 2
    assert float(found) == pytest.approx(total, rel=1e-5)


def test_other_numbers_of_heads_are_compared_by_their_mean(outputs, make_batch):
    student, teacher = outputs
    one = ModelOutput(attentions=tuple(a.mean(1, keepdim=True) for a in student.attentions))
    loss, batch = bound(AttentionMSE(), Shape(2, 8, 1)), make_batch(LENGTHS)
    mean = ModelOutput(attentions=tuple(a.mean(1, keepdim=True) for a in teacher.attentions))
    torch.testing.assert_close(loss(one, teacher, batch), loss(one, mean, batch))


def test_patient_distillation_leaves_out_the_last_layer(outputs, make_batch):
    student, teacher = outputs
    found = bound(PKD())(student, teacher, make_batch(LENGTHS))
    ours, theirs = student.hidden_states[1][:, 0], teacher.hidden_states[2][:, 0]
    cosine = torch.cosine_similarity(ours, theirs)
    torch.testing.assert_close(found, (2 - 2 * cosine).mean())


@pytest.mark.parametrize("kind", [HiddenMSE, AttentionMSE, PKD])
def test_padding_does_not_matter(kind, outputs, make_batch):
    student, teacher = outputs
    loss, batch = bound(kind()), make_batch(LENGTHS)
    before = loss(student, teacher, batch)
    mask = batch.joint.mask
    for output in outputs:
        for state in output.hidden_states:
            state[~mask] += 7
        for attention in output.attentions:
            attention.masked_fill_(~(mask[:, None, :, None] & mask[:, None, None, :]), 5.0)
    torch.testing.assert_close(loss(student, teacher, batch), before)
    assert before > 0.01


@pytest.mark.parametrize("kind", [HiddenMSE, PKD])
def test_a_projection_lives_in_the_loss_and_learns(kind, outputs, make_batch):
    _, teacher = outputs
    narrow = torch.randn(3, 6, 5)
    loss = bound(kind(), Shape(2, 5, 2))
    loss(ModelOutput(hidden_states=(narrow,) * 3), teacher, make_batch(LENGTHS)).backward()
    assert loss.projection.weight.shape == (8, 5)
    assert loss.projection.weight.grad.abs().sum() > 0
    assert not list(bound(kind()).parameters())


def test_identical_layers_cost_nothing(outputs, make_batch):
    student, _ = outputs
    for loss in (HiddenMSE(), AttentionMSE(), PKD()):
        assert float(bound(loss, SMALL, SMALL)(student, student, make_batch(LENGTHS))) < 1e-10


def test_maps_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="no attention"):
        AttentionMSE([[0, 1]]).bind(SMALL, BIG)
    with pytest.raises(ValueError, match="two layers or more"):
        PKD().bind(Shape(1, 8, 2), BIG)
    with pytest.raises(ValueError, match="beyond"):
        HiddenMSE([[3, 1]]).bind(SMALL, BIG)
