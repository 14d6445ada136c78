"""Word vectors come out of every format alike; what is wrong with a file is said with its place."""

import gzip
import struct
import sys

import numpy as np
import pytest

from kdlight.data.vectors import read_vectors
from kdlight.types import UserError

NAMES = ("the", "cat", "café", "sat", ".", "New_York")
WORDS = {word: np.linspace(-1, n, 6, dtype=np.float32) for n, word in enumerate(NAMES)}
LINES = [f"{word} {' '.join(map(str, vector.tolist()))}\n" for word, vector in WORDS.items()]
FORMATS = ("glove.txt", "word2vec.txt", "word2vec.bin")


def content(form):
    if form == "glove.txt":
        return "".join(LINES).encode()
    if form == "word2vec.txt":
        return f"{len(WORDS)} 6\n{''.join(LINES)}".encode()
    raw = [word.encode() + b" " + struct.pack("<6f", *vector) for word, vector in WORDS.items()]
    return f"{len(WORDS)} 6\n".encode() + b"\n".join(raw) + b"\n"


@pytest.fixture
def write(tmp_path):
    def make(name, raw):
        path = tmp_path / name
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return make


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_wanted_words_and_no_others(form, packed, write, tmp_path):
    path = write(form + packed, content(form))
    found = read_vectors(path, ["café", "the", "New_York", "dog"], tmp_path)
    assert set(found) == {"café", "the", "New_York"}
    for word, vector in found.items():
        np.testing.assert_array_equal(vector, WORDS[word])
        assert vector.dtype == np.float32
    # Nothing of the other words is held, and nothing is left behind.
    assert len(next(iter(found.values())).base) <= 4
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("form", FORMATS)
def test_no_wanted_word_is_no_vector(form, write, tmp_path):
    assert read_vectors(write(form, content(form)), ["dog"], tmp_path) == {}


def test_of_a_word_that_comes_twice_the_first_counts(write, tmp_path):
    raw = b"cat 1 2\ndog 3 4\ncat 5 6\nmat 7 8\n"
    found = read_vectors(write("v.txt", raw), ["cat", "mat"], tmp_path)
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "cat": [1, 2],
        "mat": [7, 8],
    }


def test_words_with_spaces_tabs_and_ends_of_lines_are_met(write, tmp_path):
    """GloVe 840B holds `. . .` and the like, fastText ends its lines with a space."""
    raw = b". . . 1 2\nat a@b.de 3 4\ncat\t5\t6 \r\n. 7 8\nat 9 10\n"
    found = read_vectors(write("v.txt", b"cut 0 0\n" + raw), [".", "at", "cat"], tmp_path)
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "cat": [5, 6],
        ".": [7, 8],
        "at": [9, 10],
    }


def test_what_is_no_utf8_spoils_nothing_else(write, tmp_path):
    raw = b"3 2\n" + b"".join(w + b" " + struct.pack("<2f", 1, 2) for w in (b"\xe9t", b"a", b"b"))
    assert set(read_vectors(write("v.bin", raw), ["a", "b"], tmp_path)) == {"a", "b"}


NOT_FINITE = b"2 2\na " + struct.pack("<2f", 1, 2) + b"cat " + struct.pack("<2f", np.nan, 0)


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("v.txt", b"the 1 2\ncat 1 x2\n", ["v.txt, line 2", "'x2'"]),
        ("v.txt", b"the 1 2\nsat 1 2\ncat 1\n", ["v.txt, line 3", "'cat' has 1 numbers, not 2"]),
        ("v.txt", b"2 2\nthe 1 2\ncat 1 2 3\n", ["v.txt, line 3", "'cat' has 3 numbers, not 2"]),
        ("v.txt", b"the 1 2\ncat 1 nan\n", ["v.txt, line 2", "'cat'", "not finite"]),
        ("v.txt", b"4 2\nthe 1 2\ncat 1 2\n", ["v.txt is cut off", "2 of the 4 words"]),
        ("v.txt", b"", ["v.txt, line 1", "no word"]),
        ("v.txt", b"<html>\n", ["v.txt, line 1", "no word"]),
        ("v.bin", content("word2vec.bin")[:-30], ["v.bin", "word 5 ('.')", "cut off"]),
        ("v.bin", NOT_FINITE, ["v.bin", "word 1 ('a')", "'cat'", "not finite"]),
        ("v.zip", b"PK\x03\x04\x00\x00stuff\n", ["v.zip", "neither text nor word2vec's binary"]),
        ("v.bin", b"2 0\n\x00\x00", ["neither text nor word2vec's binary"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(name, raw, words, write, tmp_path):
    with pytest.raises(UserError) as refused:
        read_vectors(write(name, raw), ["the", "cat"], tmp_path)
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("cut", [5, 40])
@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_archive_is_refused(form, cut, tmp_path):
    path = tmp_path / f"{form}.gz"
    path.write_bytes(gzip.compress(content(form))[:-cut])
    with pytest.raises(UserError, match="cut off"):
        read_vectors(path, ["the", "cat"], tmp_path)
    path.write_bytes(content(form))
    with pytest.raises(UserError, match="Not a gzipped file"):
        read_vectors(path, ["the"], tmp_path)


def test_without_gensim_the_sentence_says_what_to_install(write, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(UserError, match="python -m pip install gensim"):
        read_vectors(write("v.txt", b"the 1 2\n"), ["the"], tmp_path)
