"""Keeping a run of words."""

from collections import Counter
from random import Random

import pytest

from kdlight.augmentation.ngram import NGram

WORDS = [f"w{number}" for number in range(12)]


def runs(ngram, words, count, seed=0):
    random = Random(seed)
    return [ngram(" ".join(words), random).split() for _ in range(count)]


def test_a_quarter_of_the_texts_is_cut():
    """4,000 texts at 0.25: five standard deviations are 0.034."""
    cut = [run for run in runs(NGram(0.25), WORDS, 4000) if run != WORDS]
    assert abs(len(cut) / 4000 - 0.25) < 0.034


def test_what_stays_is_a_run_of_one_to_five_words_from_anywhere():
    found = runs(NGram(1.0), WORDS, 8000)
    places = Counter()
    for run in found:
        start = WORDS.index(run[0])
        assert run == WORDS[start : start + len(run)]
        places[len(run), start] += 1
    sizes = Counter(len(run) for run in found)
    assert set(sizes) == {1, 2, 3, 4, 5}
    assert all(abs(n / 8000 - 0.2) < 0.023 for n in sizes.values())  # five deviations
    for size in sizes:
        starts = {start for length, start in places if length == size}
        assert starts == set(range(12 - size + 1))
        share = sizes[size] / len(starts)
        assert all(abs(places[size, s] - share) < 5 * share**0.5 for s in starts)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_texts_keep_at_least_a_word_and_the_last_one_can_stay(count):
    found = {tuple(run) for run in runs(NGram(1.0, longest=5), WORDS[:count], 300)}
    assert min(map(len, found)) >= 1
    every = {tuple(WORDS[i:j]) for i in range(count) for j in range(i + 1, count + 1)}
    assert found == every


def test_probability_zero_changes_nothing():
    assert all(run == WORDS for run in runs(NGram(0.0), WORDS, 50))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"probability": 1.2}, "probability=1.2"), ({"longest": 0}, "longest=0")],
)
def test_impossible_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        NGram(**arguments)
