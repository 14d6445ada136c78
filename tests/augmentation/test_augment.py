"""New rows from old: one draw a word, cycle of a pair, origin, no duplicates."""

from itertools import pairwise

import pytest

from kdlight.augmentation.augment import augment
from kdlight.augmentation.mask import Mask
from kdlight.augmentation.ngram import NGram
from kdlight.augmentation.word import WordAugmenter
from kdlight.types import Example

LONG = " ".join(f"w{number}" for number in range(12))
OTHER = " ".join(f"v{number}" for number in range(12))


class Write(WordAugmenter):
    """Writes one word."""

    def __init__(self, probability, word="x"):
        super().__init__(probability)
        self.word = word

    def choosers(self, texts):
        return [lambda *_: self.word] * len(texts)


BOTH = {"mask": Mask(0.3), "ngram": NGram(0.4)}


def made(rows, augmenters=BOTH, n_iter=6, seed=0):
    return list(augment(lambda: iter(rows), augmenters, n_iter, seed))


class Count:
    """A text augmenter that adds a word which says how often it was called."""

    def __init__(self):
        self.calls = 0

    def __call__(self, text, random):
        del random
        self.calls += 1
        return f"{text} call{self.calls}"


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


def test_one_draw_a_word_is_shared_by_the_augmenters_of_words():
    """X < 0.1 mask, 0.1 <= X < 0.3 the other; 24,000 words: five deviations are 0.013."""
    rows = [Example(f"r{number}", f"{LONG} {OTHER} {LONG} {OTHER} {LONG}") for number in range(40)]
    new = made(rows, {"mask": Mask(0.1), "write": Write(0.2)}, n_iter=10)
    words = [word for row in new for word in row.text_a.split()]
    assert len(words) > 20_000
    assert abs(words.count("[MASK]") / len(words) - 0.1) < 0.013
    assert abs(words.count("x") / len(words) - 0.2) < 0.013
    swapped = made(rows, {"write": Write(0.2), "mask": Mask(0.1)}, n_iter=10)
    assert [row.text_a for row in swapped] != [row.text_a for row in new]


def test_probabilities_of_words_may_not_exceed_one():
    with pytest.raises(ValueError, match=r"mask, write add up to 1\.2"):
        made([Example("r", "a")], {"mask": Mask(0.6), "write": Write(0.6)})
    whole = made([Example("r", "a b c")], {"mask": Mask(0.5), "write": Write(0.5)}, 50)
    assert whole == []  # every word replaced: nothing of the row is left


def test_texts_are_changed_after_their_words():
    rows = made([Example("r", "a b")], {"first": Count(), "mask": Mask(0.5)}, n_iter=8)
    assert {row.source for row in rows} <= {"first", "first+mask"}
    assert any(row.text_a.startswith(("[MASK] b call", "a [MASK] call")) for row in rows)


def test_the_text_between_the_words_stays():
    text = "It's  odd, (isn't it?)\tyes!"
    rows = made([Example("r", text)], {"write": Write(0.2, "Q")}, n_iter=30)
    assert any(row.text_a == "It's  odd, (Qn't it?)\tyes!" for row in rows)
    assert {row.text_a.count("(") for row in rows if row.text_a.count("Q") == 1} <= {0, 1}


def test_origin_is_kept():
    rows = made([Example("train-3", LONG, OTHER, 1), Example("train-4", OTHER, LONG, 0)], n_iter=20)
    assert len({row.id for row in rows}) == len(rows) > 20
    for row in rows:
        assert (row.parent, row.label) in (("train-3", 1), ("train-4", 0))
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
    same = made([Example("1", "a b"), Example("2", "a b")], {"mask": Mask(0.5)}, n_iter=60)
    assert sorted(row.text_a for row in same) == ["[MASK] b", "a [MASK]"]
    assert {row.parent for row in same} == {"1"}


def test_the_border_between_the_texts_counts():
    """`A B | C` and `A | B C` are different pairs."""

    def upper(text, random):
        del random
        return text.upper()

    rows = made([Example("1", "a b", "c"), Example("2", "a", "b c")], {"upper": upper}, 3)
    assert {("A B", "C"), ("A", "B C")} <= {(row.text_a, row.text_b) for row in rows}


def test_no_text_becomes_empty():
    rows = [Example("1", "one", "two"), Example("2", LONG, "x"), Example("3", " ", "")]
    for row in made(rows, n_iter=60):
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
