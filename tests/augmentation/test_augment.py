"""New rows from old: cycle of a pair, origin, no duplicates, nothing borrowed."""

from itertools import pairwise

import pytest

from kdlight.augmentation.augment import augment
from kdlight.augmentation.mask import Mask
from kdlight.augmentation.ngram import NGram
from kdlight.types import Example

LONG = " ".join(f"w{number}" for number in range(12))
OTHER = " ".join(f"v{number}" for number in range(12))
BOTH = {"mask": Mask(0.3), "ngram": NGram(0.4)}


def made(rows, augmenters=BOTH, n_iter=6, seed=0):
    return list(augment(rows, augmenters, n_iter, seed))


class Count:
    """Adds a word that says how often it was called."""

    def __init__(self):
        self.calls = 0

    def __call__(self, words, random):
        del random
        self.calls += 1
        return [*words, f"call{self.calls}"]


def test_pairs_go_through_first_second_both():
    rows = made([Example("r", "a", "b", 1)], {"count": Count()}, n_iter=6)
    assert [(row.text_a, row.text_b) for row in rows] == [
        ("a call1", "b"),
        ("a", "b call2"),
        ("a call3", "b call4"),
        ("a call5", "b"),
        ("a", "b call6"),
        ("a call7", "b call8"),
    ]


def test_single_texts_change_every_time():
    rows = made([Example("r", "a", None, 1)], {"count": Count()}, n_iter=3)
    assert [(row.text_a, row.text_b) for row in rows] == [(f"a call{i}", None) for i in (1, 2, 3)]


def test_augmenters_work_one_after_the_other():
    rows = made([Example("r", "a")], {"first": Count(), "all": Mask(1.0)}, n_iter=1)
    assert [row.text_a for row in rows] == ["[MASK] [MASK]"]
    assert rows[0].source == "all+first"


def test_origin_is_kept_and_labels_are_not():
    rows = made([Example("train-3", LONG, OTHER, 1), Example("train-4", OTHER, LONG, 0)], n_iter=20)
    assert len({row.id for row in rows}) == len(rows) > 20
    for row in rows:
        assert row.label is None
        assert row.parent in ("train-3", "train-4")
        assert row.id.startswith(f"{row.parent}+")
        first, second = (LONG, OTHER) if row.parent == "train-3" else (OTHER, LONG)
        texts = f"{row.text_a} {row.text_b}"
        masked = "[MASK]" in texts
        shorter = len(row.text_a.split()) < 12 or len(row.text_b.split()) < 12
        assert masked or shorter
        assert set(row.text_a.split()) <= {*first.split(), "[MASK]"}
        assert set(row.text_b.split()) <= {*second.split(), "[MASK]"}
        # A mask may be cut away again, so `mask` can stand alone with no trace of it.
        assert ("ngram" in row.source.split("+")) == shorter
        assert "mask" in row.source or not masked
    assert {row.source for row in rows} == {"mask", "ngram", "mask+ngram"}


def test_nothing_is_made_twice_or_left_as_it_was():
    rows = made([Example("1", "one two", None, 0)], {"ngram": NGram(0.8)}, n_iter=100)
    assert sorted(row.text_a for row in rows) == ["one", "two"]
    same = made([Example("1", "a"), Example("2", "a")], {"mask": Mask(1.0)}, n_iter=5)
    assert [(row.parent, row.text_a) for row in same] == [("1", "[MASK]")]


def test_the_border_between_the_texts_counts():
    """`a b | c` and `a | b c` are different pairs."""
    rows = made([Example("1", "a b", "c"), Example("2", "a", "b c")], {"all": Mask(1.0)}, 3)
    texts = {(row.text_a, row.text_b) for row in rows}
    assert texts == {
        *(("[MASK] [MASK]", "c"), ("a b", "[MASK]"), ("[MASK] [MASK]", "[MASK]")),
        *(("[MASK]", "b c"), ("a", "[MASK] [MASK]"), ("[MASK]", "[MASK] [MASK]")),
    }


def test_no_text_becomes_empty():
    for row in made([Example("1", "one", "two"), Example("2", LONG, "x")], n_iter=60):
        assert row.text_a.split()
        assert row.text_b.split()


def test_rows_do_not_depend_on_their_company():
    rows = [Example(f"train-{i}", f"{LONG} x{i}", f"{OTHER} y{i}") for i in range(5)]
    together = made(rows)
    alone = [new for row in rows for new in made([row])]
    assert together == alone
    backwards = made(rows[::-1])
    assert sorted(backwards, key=lambda row: row.id) == sorted(together, key=lambda row: row.id)


def test_the_seed_and_the_row_decide_the_draws():
    row = Example("train-1", LONG)
    texts = [
        [new.text_a for new in made([chosen], seed=seed)]
        for chosen, seed in ((row, 0), (row, 0), (row, 1), (Example("train-2", LONG), 0))
    ]
    assert texts[0] == texts[1]
    for one, other in pairwise(texts[1:]):
        assert one != other


@pytest.mark.parametrize(("augmenters", "n_iter"), [({}, 5), (BOTH, 0)])
def test_nothing_asked_for_is_nothing_made(augmenters, n_iter):
    assert made([Example("1", LONG)], augmenters, n_iter) == []


def test_more_iterations_only_add_rows():
    rows = [Example("train-1", LONG, OTHER)]
    assert made(rows, n_iter=12)[: len(made(rows, n_iter=4))] == made(rows, n_iter=4)
