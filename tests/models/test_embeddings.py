"""The token tables: where they start, and which of them are trained."""

import pytest
import torch

from kdlight import schema
from kdlight.measure.parameters import parameters
from kdlight.models.embeddings import MODES, TokenEmbeddings


def weights(embeddings):
    return [table.weight for table in embeddings.tables]


def test_random_rows_are_small_and_the_padding_row_is_zero():
    (table,) = weights(TokenEmbeddings(500, pad=3, dim=8))
    assert table.shape == (500, 8)
    assert torch.equal(table[3], torch.zeros(8))
    others = table[torch.arange(500) != 3]
    assert others.abs().max() <= 0.25
    assert others.std().item() == pytest.approx(0.5 / 12**0.5, rel=0.05)


def test_a_table_is_copied_not_shared():
    given = torch.randn(20, 5)
    embeddings = TokenEmbeddings(20, pad=0, dim=0, table=given, start="teacher")
    (weight,) = weights(embeddings)
    assert torch.equal(weight[1:], given[1:])
    assert torch.equal(weight[0], torch.zeros(5))
    kept = given.clone()
    weight.data += 1
    assert torch.equal(given, kept)
    assert weight.requires_grad


def test_rows_without_a_vector_start_at_random_and_differ():
    given = torch.randn(400, 5)
    given[100:] = torch.nan
    (weight,) = weights(TokenEmbeddings(400, pad=0, dim=0, table=given, start="vectors"))
    assert torch.equal(weight[1:100], given[1:100])
    assert weight[100:].abs().max() <= 0.25
    assert weight[100:].std().item() == pytest.approx(0.5 / 12**0.5, rel=0.05)


def test_the_padding_row_gets_no_gradient():
    embeddings = TokenEmbeddings(20, pad=4, dim=6)
    embeddings(torch.tensor([[4, 5, 4]])).sum().backward()
    (weight,) = weights(embeddings)
    assert torch.equal(weight.grad[4], torch.zeros(6))
    assert torch.equal(weight.grad[5], torch.ones(6))


@pytest.mark.parametrize("start", ["teacher", "vectors"])
def test_a_start_without_its_table_is_refused(start):
    with pytest.raises(ValueError, match=f"from {start} need a table"):
        TokenEmbeddings(20, pad=0, dim=6, start=start)


def test_a_table_of_other_tokens_is_refused():
    with pytest.raises(RuntimeError, match="20"):
        TokenEmbeddings(20, pad=0, dim=0, table=torch.randn(21, 5), start="teacher")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", ["random", "vectors"])
def test_exactly_the_trained_tables_of_a_mode_move(start, mode):
    table = None if start == "random" else torch.randn(20, 5)
    embeddings = TokenEmbeddings(20, 0, 5, mode, table, start)
    before = [weight.detach().clone() for weight in weights(embeddings)]
    assert all(torch.equal(weight, before[0]) for weight in before)  # copies of each other
    trained = [p for p in embeddings.parameters() if p.requires_grad]
    ids = torch.tensor([[3, 7], [3, 0]])
    if trained:
        optimizer = torch.optim.SGD(trained, lr=0.1)
        embeddings(ids).square().sum().backward()
        optimizer.step()
    moved = [bool((w != b).any()) for w, b in zip(weights(embeddings), before, strict=True)]
    assert moved == {"static": [False], "non-static": [True], "multichannel": [True, False]}[mode]
    assert [w.grad is not None for w in weights(embeddings)] == moved
    assert embeddings(ids).shape == (2, 2, embeddings.embedding_dim)
    assert embeddings.embedding_dim == 5 * len(before)


def test_both_channels_stand_side_by_side():
    embeddings = TokenEmbeddings(20, 0, 5, "multichannel")
    embeddings.tables[0].weight.data += 1
    found = embeddings(torch.tensor([[3]]))[0, 0]
    assert torch.equal(found, torch.cat([weight[3] for weight in weights(embeddings)]))
    assert not torch.equal(found[:5], found[5:])


@pytest.mark.parametrize("mode", MODES)
def test_every_table_counts_as_one(mode):
    embeddings = TokenEmbeddings(20, 0, 5, mode)
    sizes = parameters(embeddings)
    assert sizes["params"] == 20 * embeddings.embedding_dim
    assert sizes["params_without_embeddings"] == 0


def test_the_modes_are_those_the_planner_knows():
    assert tuple(MODES) == schema.MODES
