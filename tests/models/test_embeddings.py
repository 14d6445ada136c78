"""The token table: random, or the teacher's."""

import pytest
import torch

from kdlight.models.embeddings import TokenEmbeddings


def test_random_rows_are_small_and_the_padding_row_is_zero():
    table = TokenEmbeddings(500, pad=3, dim=8).weight
    assert table.shape == (500, 8)
    assert torch.equal(table[3], torch.zeros(8))
    others = table[torch.arange(500) != 3]
    assert others.abs().max() <= 0.25
    assert others.std().item() == pytest.approx(0.5 / 12**0.5, rel=0.05)


def test_a_table_is_copied_not_shared():
    given = torch.randn(20, 5)
    embeddings = TokenEmbeddings(20, pad=0, dim=0, table=given, from_teacher=True)
    assert torch.equal(embeddings.weight[1:], given[1:])
    assert torch.equal(embeddings.weight[0], torch.zeros(5))
    kept = given.clone()
    embeddings.weight.data += 1
    assert torch.equal(given, kept)
    assert embeddings.weight.requires_grad


def test_the_padding_row_gets_no_gradient():
    embeddings = TokenEmbeddings(20, pad=4, dim=6)
    embeddings(torch.tensor([[4, 5, 4]])).sum().backward()
    assert torch.equal(embeddings.weight.grad[4], torch.zeros(6))
    assert torch.equal(embeddings.weight.grad[5], torch.ones(6))


def test_from_teacher_without_a_table_is_refused():
    with pytest.raises(ValueError, match="teacher's table"):
        TokenEmbeddings(20, pad=0, dim=6, from_teacher=True)
