"""Which layers stand side by side."""

import pytest

from kdlight.losses.layer_map import layer_pairs
from kdlight.models.layer_init import start_layers


def test_the_rules():
    assert layer_pairs("uniform", 4, 12) == [(1, 3), (2, 6), (3, 9), (4, 12)]
    assert layer_pairs("uniform", 3, 6) == [(1, 2), (2, 4), (3, 6)]
    assert layer_pairs("last", 3, 12) == [(1, 10), (2, 11), (3, 12)]
    assert layer_pairs([[0, 0], [3, 6]], 3, 6) == [(0, 0), (3, 6)]


@pytest.mark.parametrize(
    "layers",
    [[[4, 6]], [[3, 7]], [[-1, 2]], [], "first", 3, [1, 2], [[1, 1.5]], [[1, 2, 3]], ["12"]],
)
def test_what_is_not_there_is_refused(layers):
    with pytest.raises(ValueError, match="layers"):
        layer_pairs(layers, 3, 6)


def test_a_rule_needs_a_teacher_that_is_as_deep():
    with pytest.raises(ValueError, match="4 layers or more"):
        layer_pairs("uniform", 4, 3)


def test_where_layers_start():
    assert start_layers("first", 3, 12) == [0, 1, 2]
    assert start_layers("last", 3, 12) == [9, 10, 11]
    assert start_layers("spread", 3, 6) == [1, 3, 5]
    assert start_layers("spread", 6, 12) == [1, 3, 5, 7, 9, 11]
    assert start_layers([0, 4, 2], 3, 6) == [0, 4, 2]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([0, 1], "names 2 layers"),
        ([0, 1, 6], "beyond the 6 layers"),
        ("middle", "middle"),
        (2, "a list of"),
        ([0, 1, 1.5], "a list of"),
    ],
)
def test_layers_that_cannot_be_started_from(layers, words):
    with pytest.raises(ValueError, match=words):
        start_layers(layers, 3, 6)
