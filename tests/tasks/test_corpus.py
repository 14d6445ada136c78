"""Text sources: files plain and gzipped, sets of a hub, and what is refused."""

import gzip

import pytest

from kdlight.tasks.corpus import corpus_content, corpus_lines
from kdlight.types import UserError


def test_lines_of_files_in_their_order(tmp_path):
    (tmp_path / "a.txt").write_text("one  line\n\n   \nanother\r\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("third")
    sources = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt.gz")]
    assert list(corpus_lines(sources)) == ["one line", "another", "third"]
    before = corpus_content(sources)
    (tmp_path / "a.txt").write_text("other")
    assert corpus_content(sources)[0] != before[0]
    assert corpus_content(sources)[1] == before[1]


def test_a_set_by_name_is_streamed(monkeypatch):
    asked = []

    def load(name, config, split, streaming):
        asked.append((name, config, split, streaming))
        return iter([{"text": "a b", "body": "c"}])

    monkeypatch.setattr("datasets.load_dataset", load)
    assert list(corpus_lines(["hub:wiki/en", "hub:wiki/zh@2023:body"])) == ["a b", "c"]
    assert asked == [("wiki/en", None, "train", True), ("wiki/zh", "2023", "train", True)]
    with pytest.raises(UserError, match="no column 'title'"):
        list(corpus_lines(["hub:wiki/en:title"]))


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"empty\.txt: there is no text"):
        list(corpus_lines([str(tmp_path / "empty.txt")]))
    (tmp_path / "bad.txt").write_bytes(b"good\nb\xe4d\n")
    with pytest.raises(UserError, match=r"bad\.txt, line 2: .* is not UTF-8"):
        list(corpus_lines([str(tmp_path / "bad.txt")]))
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        list(corpus_lines([str(tmp_path / "none.txt")]))
