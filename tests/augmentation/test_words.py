"""Words that can be put together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdlight.augmentation.words import join, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a film , n't bad", ["a", "film", ",", "n't", "bad"]),
        ("Don't stop, it's $3.50!", ["Do", "n't", "stop", ",", "it", "'s", "$", "3.50", "!"]),
        ("a well-known (old) one.", ["a", "well-known", "(", "old", ")", "one", "."]),
        ("电影很好。", ["电", "影", "很", "好", "。"]),
        ("of [MASK], [x]", ["of", "[MASK]", ",", "[", "x", "]"]),
        ("naïve 1,000 times", ["naïve", "1,000", "times"]),
    ],
)
def test_words(text, words):
    assert [word.strip() for word in split(text)] == words


@given(st.text())
def test_joined_they_are_the_text(text):
    assert join(split(text)) == text.strip()
    assert all(word.strip() for word in split(text))


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_no_text_has_no_words(text):
    assert split(text) == []
