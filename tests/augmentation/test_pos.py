"""Replacement by words of the same part of speech."""

from collections import Counter
from random import Random

import pytest

from kdlight.augmentation.pos import PartOfSpeech
from kdlight.augmentation.tagger import PatternTagger

TEXTS = [["the", "dog", "runs"], ["the", "cat", "sleeps"], ["a", "dog", "sleeps"]]
TAGS = {"the": "DT", "a": "DT", "dog": "NN", "cat": "NN", "runs": "VB", "sleeps": "VB"}


def lookup(texts):
    return [[TAGS[word] for word in words] for words in texts]


def fitted(tagger=lookup):
    augmenter = PartOfSpeech(1.0, tagger)
    augmenter.fit(lambda: iter(TEXTS))
    return augmenter


def test_the_new_word_has_the_tag_of_the_old_one():
    chooser = fitted().choosers([["the", "cat", "runs"]])[0]
    random = Random(0)
    for place, tag in enumerate(("DT", "NN", "VB")):
        assert {TAGS[chooser(place, random)] for _ in range(100)} == {tag}


def test_words_come_as_often_as_they_occur():
    """`dog` twice, `cat` once: 2/3 of 6,000 draws within five standard deviations, 0.03."""
    chooser = fitted().choosers([["a", "cat", "runs"]])[0]
    random = Random(1)
    drawn = Counter(chooser(1, random) for _ in range(6000))
    assert set(drawn) == {"dog", "cat"}
    assert abs(drawn["dog"] / 6000 - 2 / 3) < 0.03


def test_texts_are_tagged_together_and_keep_their_own_tags():
    calls = []

    def counting(texts):
        calls.append(len(texts))
        return lookup(texts)

    augmenter = fitted(counting)
    choosers = augmenter.choosers([["dog"], ["runs"], ["the"]])
    assert calls == [3, 3]
    found = [TAGS[chooser(0, Random(2))] for chooser in choosers]
    assert found == ["NN", "VB", "DT"]


def test_the_default_tagger_knows_english():
    """Tags of the Penn treebank, one a word, whatever the words hold."""
    words = [
        "the",
        "old",
        "man",
        "quickly",
        "saw",
        "12",
        "red",
        "cars",
        "to",
        "Mary",
        "and",
        "wo",
        "n't",
        "/",
        "<b>",
        "[MASK]",
        "电",
    ]
    (tags,) = PatternTagger()([words])
    assert len(tags) == len(words)
    found = dict(zip(words, tags, strict=True))
    expected = {"the": "DT", "old": "JJ", "man": "NN", "quickly": "RB", "saw": "VBD"}
    expected |= {"12": "CD", "red": "JJ", "cars": "NNS", "to": "TO", "and": "CC", "n't": "RB"}
    assert {word: found[word] for word in expected} == expected
    assert PatternTagger()([[], ["dog"]]) == [[], ["NN"]]


@pytest.mark.parametrize("probability", [-1, 2])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match="between 0 and 1"):
        PartOfSpeech(probability)
