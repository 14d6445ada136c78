"""Sizes of networks whose numbers are known."""

from torch import nn

from kdlight.measure.parameters import parameters


def test_parameters_with_and_without_tables():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 3))
    assert parameters(model) == {
        "params": 40 + 15,
        "params_without_embeddings": 15,
        "size_bytes": 4 * 55,
    }


def test_a_shared_table_counts_once():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False), nn.Linear(4, 1))
    model[1].weight = model[0].weight
    assert parameters(model)["params"] == 40 + 5
    assert parameters(model)["params_without_embeddings"] == 5
