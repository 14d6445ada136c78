"""Text sources: files plain and gzipped, sets of a hub, embedded text, and what is refused."""

import gzip
from types import SimpleNamespace

import pytest
from datasets import Dataset

from kdlight.tasks.corpus import corpus_content, corpus_lines, corpus_names, corpus_sources
from kdlight.types import UserError

DATA = {
    "source": "files", "corpus": [], "corpus_rows": None, "root": None, "corpus_folder": None,
    "seed": 0, "lexicon": None, "script": None,
}  # fmt: skip


def lines(*sources, **changes):
    data = {**DATA, "corpus": list(map(str, sources)), **changes}
    return list(corpus_lines(corpus_content(data), data["corpus"]))


def test_lines_of_files_in_their_order(tmp_path):
    (tmp_path / "a.txt").write_text("one  line\n\n   \nanother\r\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("third")
    sources = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt.gz")]
    assert lines(*sources) == ["one line", "another", "third"]
    assert lines(*sources, corpus_rows=2) == ["one line", "another"]
    counts = {}
    data = {**DATA, "corpus": sources, "corpus_rows": 2}
    assert len(list(corpus_lines(corpus_content(data), sources, counts))) == 2
    assert counts == {sources[0]: 2, sources[1]: 0}
    before = corpus_content({**DATA, "corpus": sources})["content"]
    (tmp_path / "a.txt").write_text("other")
    after = corpus_content({**DATA, "corpus": sources})["content"]
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)


def test_a_pattern_stands_for_the_files_that_match_it(tmp_path, monkeypatch):
    (tmp_path / "deep/folder.txt").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "a.md", "deep/c.txt", "one[1].txt"):
        (tmp_path / name).write_text("one")
    monkeypatch.setenv("HOME", str(tmp_path))
    named = [f"{tmp_path}/[ab].txt", "hub:wiki/e*", "~/deep/*.txt", f"{tmp_path}/**/c.txt"]
    expected = ["a.txt", "b.txt", "hub:wiki/e*", "deep/c.txt", "deep/c.txt"]
    expected = [n if n.startswith("hub") else f"{tmp_path}/{n}" for n in expected]
    assert corpus_sources(named) == expected
    # What is a file, and what is none, is left to the reader.
    plain = [f"{tmp_path}/one[1].txt", f"{tmp_path}/none.txt", "~/a.txt"]
    assert corpus_sources(plain) == plain
    with pytest.raises(UserError, match=r"data\.corpus: no file matches .*\*\.gz; give files"):
        corpus_sources([f"{tmp_path}/*.gz"])


def test_a_set_is_streamed_by_the_library_itself(tmp_path):
    """From a folder as the hub has it: two configurations, a column of another name."""
    for config, texts in (("en", ["a  b", None, "c"]), ("de", ["d"])):
        (tmp_path / "set" / config).mkdir(parents=True)
        rows = Dataset.from_dict({"title": ["t"] * len(texts), "body": texts})
        rows.to_parquet(tmp_path / "set" / config / "train-0.parquet")
    configs = [f"- config_name: {c}\n  data_files: {c}/*.parquet\n" for c in ("en", "de")]
    (tmp_path / "set/README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n")
    name = f"hub:{tmp_path}/set"
    assert lines(f"{name}@en:body", f"{name}@de:body") == ["a b", "c", "d"]
    with pytest.raises(UserError, match="its rows have no column 'text'"):
        lines(f"{name}@en")
    with pytest.raises(UserError, match="fr"):
        lines(f"{name}@fr:body")


def test_without_a_name_the_text_beside_the_tasks_is_read(tmp_path):
    (tmp_path / "TEXT").mkdir()
    for name in ("b.txt.gz", "a.txt", "c.jsonl", "README.md"):
        (tmp_path / "TEXT" / name).write_text("one")
    data = {**DATA, "root": str(tmp_path), "corpus_folder": "TEXT"}
    assert corpus_names(data) == [f"{tmp_path}/TEXT/{n}" for n in ("a.txt", "b.txt.gz", "c.jsonl")]
    assert corpus_names({**data, "corpus": ["mine.txt"]}) == ["mine.txt"]
    assert corpus_names({**data, "source": "hub"}) == []
    missing = {**data, "corpus_folder": "OTHER"}
    assert corpus_names(missing) == []
    with pytest.raises(UserError, match=rf"no text to learn from in {tmp_path}/OTHER: name files"):
        corpus_content(missing)


def test_json_lines_hold_their_text_under_one_name(tmp_path):
    rows = '{"text": "one  line", "id": 1}\n\n{"text": "a \\n break"}\n'
    (tmp_path / "a.jsonl").write_text(rows)
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write('{"text": "third"}')
    assert lines(tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz") == ["one line", "a break", "third"]
    (tmp_path / "a.txt").write_text(rows)
    asked = [
        corpus_content({**DATA, "corpus": [str(tmp_path / f"a.{end}")]}) for end in ("jsonl", "txt")
    ]
    assert asked[0] != asked[1]  # the same bytes, read otherwise
    for row in ("plain words", '{"words": "one"}', '["one"]', '{"text": 1}'):
        (tmp_path / "c.jsonl").write_text(f"{rows}{row}")
        with pytest.raises(UserError, match=r"c.jsonl, line 4: expected an object with its text"):
            lines(tmp_path / "c.jsonl")


def test_a_set_without_a_name_is_refused():
    for name in ("hub:", "hub:@en", "hub::text"):
        with pytest.raises(UserError, match=f"data.corpus: {name} names no set of the hub"):
            corpus_sources([name])


def test_a_set_by_name_is_streamed(monkeypatch):
    asked = []

    def load(name, config, split, revision, streaming):
        asked.append((name, config, split, revision, streaming))
        return iter([{"text": "a b", "body": "c"}, {"text": None, "body": None}])

    monkeypatch.setattr("datasets.load_dataset", load)
    commits = {("wiki/en", None): "1", ("wiki/zh", "2023"): "2"}
    made = lambda name, config: SimpleNamespace(hash=commits[name, config])  # noqa: E731
    monkeypatch.setattr("datasets.load_dataset_builder", made)
    assert lines("hub:wiki/en", "hub:wiki/zh@2023:body") == ["a b", "c"]
    assert asked == [("wiki/en", None, "train", "1", True), ("wiki/zh", "2023", "train", "2", True)]
    with pytest.raises(UserError, match="no column 'title'"):
        lines("hub:wiki/en:title")
    before = corpus_content({**DATA, "corpus": ["hub:wiki/en"]})
    commits["wiki/en", None] = "3"
    assert corpus_content({**DATA, "corpus": ["hub:wiki/en"]}) != before
    with pytest.raises(UserError, match=r"hub:wiki/de: "):
        corpus_content({**DATA, "corpus": ["hub:wiki/de"]})


def test_a_stream_that_breaks_off_is_told_in_a_sentence(monkeypatch):
    class DroppedError(Exception):
        """As a client of the hub raises, of no kind that Python knows."""

    def load(*_, **__):
        yield {"text": "a b"}
        raise DroppedError("peer closed the connection.")

    monkeypatch.setattr("datasets.load_dataset", load)
    monkeypatch.setattr("datasets.load_dataset_builder", lambda *_: SimpleNamespace(hash="1"))
    with pytest.raises(UserError, match=r"wiki/en: peer closed the connection\. The same command"):
        lines("hub:wiki/en")


def test_embedded_text_is_the_same_every_time_and_in_either_script():
    found = lines(source="embedded", corpus_rows=20)
    assert found == lines(source="embedded", corpus_rows=30)[:20]
    assert found != lines(source="embedded", corpus_rows=20, seed=1)
    characters = lines(source="embedded", corpus_rows=20, script="characters")
    assert all(" " not in line and line.isprintable() for line in characters)
    assert len({len(words.split()) for words in found}) > 1
    assert [len(line) for line in characters] == [len(line.split()) for line in found]
    with pytest.raises(UserError, match=r"set data\.corpus_rows="):
        lines(source="embedded")


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"empty\.txt: there is no text"):
        lines(str(tmp_path / "empty.txt"))
    (tmp_path / "bad.txt").write_bytes(b"good\nb\xe4d\n")
    with pytest.raises(UserError, match=r"bad\.txt, line 2: .* is not UTF-8"):
        lines(str(tmp_path / "bad.txt"))
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        lines(str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match=r"no text to learn from: .*data\.corpus="):
        lines()
