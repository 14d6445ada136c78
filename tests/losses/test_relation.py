"""Relation losses against naive loops, in value and in gradient."""

import math

import pytest
import torch

from kdlight.losses import relation
from kdlight.losses.relation import Relation, relation_kl
from kdlight.types import Batch, ModelOutput, Shape, Tokens


def vectors(width, batch=3, length=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, length, width, generator=generator, dtype=torch.float32)


def mask(*lengths, length=5):
    return torch.arange(length) < torch.tensor(lengths)[:, None]


def naive(student, teacher, real, heads):
    """Row by row, head by head, token by token."""
    total, count = 0.0, 0
    for row in range(len(student)):
        n = int(real[row].sum())
        count += n
        for head in range(heads):
            both = []
            for x in (student, teacher):
                width = x.shape[2] // heads
                cut = x[row, :n, head * width : (head + 1) * width]
                both.append([[(a @ b) / math.sqrt(width) for b in cut] for a in cut])
            for ours, theirs in zip(*both, strict=True):
                q = torch.distributions.Categorical(logits=torch.stack(ours))
                p = torch.distributions.Categorical(logits=torch.stack(theirs))
                total = total + torch.distributions.kl_divergence(p, q)
    return total / (heads * count)


@pytest.mark.parametrize("heads", [1, 2, 6])
@pytest.mark.parametrize("block", [1, 1 << 30])
def test_value_and_gradient_are_those_of_loops(heads, block, monkeypatch):
    monkeypatch.setattr(relation, "CACHED_BYTES", block)
    student, teacher, real = vectors(6), vectors(12, seed=1), mask(5, 2, 3)
    first, second = (student.clone().requires_grad_() for _ in range(2))
    found, expected = relation_kl(first, teacher, real, heads), naive(second, teacher, real, heads)
    torch.testing.assert_close(found, expected)
    (3 * found).backward()
    (3 * expected).backward()
    torch.testing.assert_close(first.grad, second.grad, rtol=1e-4, atol=1e-6)
    assert not first.grad[1, 2:].any()  # padding


@pytest.mark.parametrize("batch", [7, 70])
def test_memory_is_bounded_by_blocks(batch, monkeypatch):
    """However large the batch: what is computed at once has the size of a block."""
    limit, heads, length = 4 * 2 * 5 * 5 * 3, 2, 5  # bytes of three rows
    parts, block = [], relation._block

    def seen(student, teacher, mask, heads, gradient):
        assert len(student) == len(teacher) == len(mask) == len(gradient)
        parts.append(len(student))
        return block(student, teacher, mask, heads, gradient)

    monkeypatch.setattr(relation, "CACHED_BYTES", limit)
    monkeypatch.setattr(relation, "_block", seen)
    student = vectors(6, batch).requires_grad_()
    relation_kl(student, vectors(12, batch, seed=1), mask(*[4] * batch), heads).backward()
    assert sum(parts) == batch
    assert max(parts) == 3
    assert max(parts) * 4 * heads * length**2 <= limit


def test_rows_without_padding_are_those_of_loops():
    student, teacher, real = vectors(6), vectors(12, seed=1), mask(5, 5, 5)
    first, second = (student.clone().requires_grad_() for _ in range(2))
    found, expected = relation_kl(first, teacher, real, 2), naive(second, teacher, real, 2)
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    torch.testing.assert_close(first.grad, second.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_nearly_alike_in_bf16_autocast_as_in_full_precision(kind):
    teacher = vectors(24).to(kind)
    student = (teacher + 0.03 * vectors(24, seed=1)).to(kind)
    real, found = mask(5, 2, 3), []
    for enabled in (False, True):
        ours = student.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            loss = relation_kl(ours, teacher, real, 2)
        loss.backward()
        found.append((loss.detach(), ours.grad))
    (full, gradient), (mixed, other) = found
    assert torch.equal(full, mixed)
    assert torch.equal(gradient, other)
    expected = naive(student.double(), teacher.double(), real, 2)
    torch.testing.assert_close(full.double(), expected, rtol=1e-2, atol=1e-7)


def test_no_gradient_is_made_where_none_is_asked_for(monkeypatch):
    asked, original = [], relation._block
    monkeypatch.setattr(
        relation, "_block", lambda *given: asked.append(given[-1]) or original(*given)
    )
    student, teacher, real = vectors(6), vectors(6, seed=1), mask(5, 2, 3)
    with_gradient = relation_kl(student.clone().requires_grad_(), teacher, real, 2)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(relation_kl(student * 1, teacher, real, 2), with_gradient)
    assert [gradient is not None for gradient in asked] == [True, False, False]


def test_equal_vectors_have_no_distance():
    same = vectors(6).requires_grad_()
    found = relation_kl(same, same.detach(), mask(5, 5, 1), 2)
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-6)
    assert same.grad.abs().max() < 1e-6


def test_padding_does_not_count():
    student, teacher = vectors(6), vectors(6, seed=1)
    real = mask(5, 2, 3)
    other = torch.where(real[:, :, None], student, 100.0)
    first = relation_kl(student, teacher, real, 2)
    torch.testing.assert_close(first, relation_kl(other, teacher, real, 2))


def output(width, seed):
    parts = {k: vectors(width, seed=seed + i) for i, k in enumerate(relation.KINDS)}
    return ModelOutput(relations=parts)


def test_queries_keys_and_values_add_up():
    ids = torch.ones(3, 5, dtype=torch.long)
    real = mask(5, 2, 3)
    text = Tokens(ids * real, torch.tensor([5, 2, 3]), ids)
    numbers = torch.arange(3)
    batch = Batch("text", numbers, numbers, torch.zeros(3), (), text)
    student, teacher = output(6, 0), output(12, 5)
    each = [
        relation_kl(student.relations[k], teacher.relations[k], real, 2) for k in relation.KINDS
    ]
    found = Relation(heads=2, weights=(1, 0, 0.5))(student, teacher, batch)
    torch.testing.assert_close(found, each[0] + 0.5 * each[2])
    torch.testing.assert_close(Relation(heads=2)(student, teacher, batch), sum(each))


def test_heads_and_layers_must_fit(caplog):
    tiny, teacher = Shape(4, 312, 12), Shape(6, 384, 12)
    with pytest.raises(
        ValueError,
        match=r"heads=48 does not divide the widths 384 .teacher. and 312 .student.; .*24",
    ):
        Relation(heads=48).bind(tiny, teacher)
    usual = Relation()
    with caplog.at_level("INFO", "kdlight"):
        usual.bind(tiny, teacher)
    assert "24 heads; layer 6 of the teacher, 4 of the student" in caplog.text
    assert usual.heads == 24
    fits = Relation(heads=24, teacher_layer=-2)
    fits.bind(tiny, teacher)
    assert (fits.teacher_layer, fits.student_layer) == (5, 4)
    for wrong in (0, -12, 24.0, True, "24"):
        with pytest.raises(ValueError, match=f"heads={wrong} does not divide"):
            Relation(heads=wrong).bind(tiny, teacher)
    with pytest.raises(ValueError, match="teacher_layer=7: the teacher has layers 1 to 6"):
        Relation(heads=24, teacher_layer=7).bind(tiny, teacher)
