"""Lines of a file of any length, in bounded memory."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdlight.tasks import corpus
from kdlight.tasks.corpus import corpus_lines
from kdlight.tasks.lines import numbered_lines
from kdlight.types import UserError

LETTERS = st.text(alphabet="ab \u00e9\u5317\U0001f600\n", max_size=60)


@given(text=LETTERS, longest=st.integers(4, 20))
def test_pieces_of_long_lines_are_the_lines(tmp_path_factory, text, longest):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(text, newline="")
    whole = list(numbered_lines(path))
    assert whole == list(enumerate(text.split("\n")[: len(whole)], start=1))
    joined = {}
    for number, piece in numbered_lines(path, longest):
        assert len(piece.encode()) <= 2 * longest
        joined[number] = joined.get(number, "") + piece
    assert joined == dict(whole)


def test_a_long_line_is_cut_at_blanks(tmp_path):
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wt") as file:
        file.write("one two three four\nfive")
    found = list(numbered_lines(path, 9))
    assert found == [(1, "one two "), (1, "three "), (1, "four"), (2, "five")]


def test_a_byte_that_is_no_text_is_found_in_a_long_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"abcd " * 5 + b"\xff")
    with pytest.raises(UserError, match=r"line 1: byte 26 \(0xff\) is not UTF-8"):
        list(numbered_lines(path, 8))


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_a_text_without_line_breaks_comes_as_several_lines(tmp_path, monkeypatch, name):
    words = [f"word{n}" for n in range(100)]
    text = " ".join(words)
    path = tmp_path / name
    path.write_text(text if name == "a.txt" else f'{{"text": "{text}"}}')
    monkeypatch.setattr(corpus, "LONGEST", 64)
    found = list(corpus_lines({"rows": None, "content": ["x"]}, [str(path)]))
    assert max(map(len, found)) <= 64
    assert [word for line in found for word in line.split()] == words
