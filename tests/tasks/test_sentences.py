"""Sentences of plain text files."""

import gzip
from collections import Counter

import pytest

from kdlight.tasks.sentences import drawn, sentences
from kdlight.types import UserError

TEXT = """It was good. Was it? "Yes!" he said.
<br /><br />A second   line ... with dots 3.5 and U.S. words

short
"""


def test_sentences_end_at_lines_and_marks(tmp_path):
    plain, zipped = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    plain.write_text(TEXT)
    zipped.write_bytes(gzip.compress(b"In the second file."))
    found = list(sentences([plain, zipped], (1, 40)))
    assert found == [
        "It was good.",
        "Was it?",
        '"Yes!',
        "he said.",
        "A second line ...",
        "with dots 3.5 and U.S.",
        "words",
        "short",
        "In the second file.",
    ]
    assert list(sentences([plain], (3, 4))) == ["It was good.", "A second line ..."]


def test_a_damaged_file_is_named(tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"one two three\n\xff\xfe\n")
    with pytest.raises(UserError, match=r"bad\.txt, line 2"):
        list(sentences([bad], (1, 9)))


def test_a_draw_has_the_wanted_number_in_order_and_no_favourites():
    words = [f"s{number}" for number in range(30)]
    counts = Counter()
    for seed in range(600):
        found = list(drawn(iter(words), 30, 10, seed))
        assert len(found) == 10
        assert found == sorted(found, key=words.index)
        counts.update(found)
    # Each is drawn 200 times of 600; five standard deviations are 58.
    assert all(abs(counts[word] - 200) < 58 for word in words)
    assert list(drawn(iter(words), 30, 10, 3)) == list(drawn(iter(words), 30, 10, 3))


@pytest.mark.parametrize("wanted", [None, 30, 99])
def test_all_are_taken_where_no_fewer_are_wanted(wanted):
    words = [f"s{number}" for number in range(30)]
    assert list(drawn(iter(words), 30, wanted, 0)) == words
