"""Plain text of several sources: how much of each is read is told; files are hashed once."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import plain

from kdlight.data import blocks
from kdlight.data.encode import load_tokenizer
from kdlight.launch import reading
from kdlight.launch.execute import Executor
from kdlight.launch.plan import Plan
from kdlight.launch.ranks import Ranks
from kdlight.stages import corpus, tokenizer
from kdlight.types import StageSpec, UserError


def planned(tmp_path, *words):
    sources = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for source in sources:
        if not source.exists():
            source.write_text("the cats sat on the mats\n" * 50)
    named = ",".join(map(str, sources))
    made = plain(f"data.corpus=[{named}]", f"outputs={tmp_path}/out", *words, experiment="mitkd")
    return Plan(made), [str(source) for source in sources]


def test_what_was_not_read_is_told(tmp_path, caplog):
    plan, sources = planned(tmp_path, "data.corpus_rows=40", "data.block_length=16")
    reads = plan.tokenizer(None, {"kind": "word_pieces", "size": 60, "lowercase": True})
    with caplog.at_level(logging.INFO):
        for node, stage in ((reads, tokenizer), (plan.blocks(reads), corpus)):
            (out := tmp_path / node.kind).mkdir()
            runtime = {"pretrained": None, **node.runtime, "title": node.title}
            inputs = {"tokenizer": str(tmp_path / "tokenizer")}
            stage.run(StageSpec(node.kind, node.config, inputs, str(out), runtime))
    facts = json.loads((tmp_path / "corpus/facts.json").read_text())
    assert facts == {"lines": {sources[0]: 40, sources[1]: 0}, "unknown_share": 0.0}
    assert f"40 lines of {sources[0]}" in caplog.text
    assert f"data.corpus_rows=40 was reached before {sources[1]}" in caplog.text
    size = json.loads((tmp_path / "tokenizer/special.json").read_text())["size"]
    assert f"Tokenizer: {size} word_pieces, of 60 asked for" in caplog.text


class Killed(BaseException):
    pass


def test_a_killed_corpus_is_the_same_in_the_end(tmp_path, monkeypatch):
    """Its lines are counted from the first source on, whatever was packed before."""
    plan, sources = planned(tmp_path, "data.block_length=16")
    reads = plan.tokenizer(None, {"kind": "word_pieces", "size": 60, "lowercase": True})
    executor = Executor(tmp_path / "out/artifacts", Ranks(1, 1, None))
    node = plan.blocks(reads)
    executor.do([reads])
    made = [line for source in sources for line in Path(source).read_text().splitlines()]

    def killed(*_):
        yield from made[:70]
        raise Killed

    monkeypatch.setattr(blocks, "LINES", 20)
    monkeypatch.setattr(blocks, "SAVED_EVERY", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(corpus, "corpus_lines", killed)
        with pytest.raises(Killed):
            executor.do([node])
    place = executor.place(node)
    assert json.loads((place.working / "packed.json").read_text())["counts"]["lines"] == 60
    executor.do([node])
    facts = json.loads((place.folder / "facts.json").read_text())
    assert facts["lines"] == dict.fromkeys(sources, 50)
    assert not (place.folder / "checkpoints").exists()
    whole = tmp_path / "whole"
    tokens = load_tokenizer(executor.place(reads).folder)
    blocks.pack(made, whole, tokens, tokens.token_to_id("[PAD]"), 16)
    for name in ("train/ids.npy", "selection/ids.npy", "train/meta.json"):
        assert (whole / name).read_bytes() == (place.folder / name).read_bytes()


def test_patterns_are_files(tmp_path):
    first = planned(tmp_path)[0]
    made = plain(f"data.corpus=[{tmp_path}/*.txt]", f"outputs={tmp_path}/out", experiment="mitkd")
    second = Plan(made)
    assert second.data["corpus"] == first.data["corpus"]
    assert second.corpus == first.corpus


def test_a_set_is_as_it_was_where_the_hub_is_away(tmp_path, monkeypatch, caplog):
    def corpus(name="a/b"):
        words = [f"data.corpus=['hub:{name}@en:body']", f"outputs={tmp_path}/out"]
        return Plan(plain(*words, experiment="mitkd")).corpus

    def away(name, config):
        raise ConnectionError(f"no way to {name}, {config}")

    for commit in ("1f", "2e"):
        made = SimpleNamespace(hash=commit)
        monkeypatch.setattr("datasets.load_dataset_builder", lambda *_, made=made: made)
        assert corpus()["content"] == [f"hub:a/b@en:body {commit}"]
    assert caplog.text == ""
    monkeypatch.setattr("datasets.load_dataset_builder", away)
    assert corpus()["content"] == ["hub:a/b@en:body 2e"]
    assert "cannot be asked for a/b (no way to a/b, en): taken as it was before, at 2e" in (
        caplog.text
    )
    with pytest.raises(UserError, match="hub:c/d@en:body: no way to c/d, en"):
        corpus("c/d")


def test_files_are_hashed_once(tmp_path, monkeypatch):
    first = planned(tmp_path)[0].corpus
    monkeypatch.setattr(reading, "file_hash", lambda path: f"anew {path.name}")
    assert planned(tmp_path)[0].corpus == first
    (tmp_path / "a.txt").write_text("the cats sat on other mats\n" * 50)
    changed = planned(tmp_path)[0].corpus["content"]
    assert changed == ["anew a.txt", first["content"][1]]
