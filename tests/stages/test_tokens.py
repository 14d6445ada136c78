"""Rows that do not fit are counted, and told where they are more than a few."""

import json
import logging

import pytest

from kdlight.data.rows import write_rows
from kdlight.stages import tokens
from kdlight.types import Answer, Example, StageSpec

WORDS = "the cat sat on a mat"  # six tokens


@pytest.fixture
def facts(tmp_path, bert):
    """`facts(max_length, kind, **rows)`: what the stage notes of the rows of each split."""
    bert.save_pretrained(tmp_path / "tokenizer")
    special = {"pad": bert.pad_token_id, "mask": bert.mask_token}
    (tmp_path / "tokenizer/special.json").write_text(json.dumps(special))
    for name in ("rows", "out"):
        (tmp_path / name).mkdir()

    def run(max_length, kind="text", **splits):
        for split, rows in splits.items():
            write_rows(tmp_path / f"rows/{split}.arrow", rows)
        inputs = {name: str(tmp_path / name) for name in ("tokenizer", "rows")}
        config = {"max_length": max_length, "kind": kind, "doc_stride": 4}
        out = tmp_path / "out"
        tokens.run(StageSpec("tokens", config, inputs, str(out), {"title": "tokens x"}))
        return json.loads((out / "facts.json").read_text())

    return run


@pytest.mark.parametrize(("max_length", "cut"), [(9, 1), (8, 1), (7, 10)])
def test_a_text_fits_with_the_tokens_around_it(max_length, cut, facts, caplog):
    rows = [Example(f"{n}", WORDS) for n in range(9)] + [Example("9", f"{WORDS} {WORDS}")]
    found = facts(max_length, train=rows, eval=rows[:9])
    assert found["train"] == {"rows": 10, "rows_cut": cut}
    assert found["eval"]["rows_cut"] == (9 if cut == 10 else 0)
    told = f"tokens x, train: {10 * cut}% of the rows are longer than data.max_length={max_length}"
    assert told in caplog.text
    assert ("tokens x, eval" in caplog.text) == (cut == 10)


@pytest.mark.parametrize(("max_length", "cut"), [(15, 0), (14, 40)])
def test_a_pair_fits_as_one(max_length, cut, facts, caplog):
    """Each of its texts does in either case."""
    found = facts(max_length, train=[Example(f"{n}", WORDS, WORDS) for n in range(40)])
    assert found["train"] == {"rows": 40, "rows_cut": cut}
    assert ("longer than" in caplog.text) == bool(cut)


def test_a_few_are_counted_and_not_told(facts, caplog):
    rows = [Example(f"{n}", WORDS) for n in range(99)] + [Example("99", f"{WORDS} {WORDS}")]
    assert facts(8, train=rows)["train"] == {"rows": 100, "rows_cut": 1}
    assert "longer than" not in caplog.text


def test_no_rows_are_not_cut(facts, caplog):
    assert facts(8, train=[])["train"] == {"rows": 0, "rows_cut": 0}
    assert caplog.text == ""


def test_windows_of_long_contexts_are_counted_and_told(facts, caplog):
    caplog.set_level(logging.INFO, "kdlight")
    context = "the cat sat on a mat with big red dog and small bird near old house"
    texts = {"whole": "cat", "cut": "mat with big red", "long": context}
    rows = [
        Example(name, "the cat", context, 1, answers=(Answer(text, context.find(text)),))
        for name, text in texts.items()
    ]
    found = facts(12, "span", train=rows)["train"]
    assert found["without_a_whole_answer"] == ["long"]
    assert found["longer_than_a_window"] == 3
    assert found["windows_that_cut_an_answer"] > 0
    told = f"{found['windows_that_cut_an_answer']} windows that cut an answer"
    assert told in caplog.text
    assert "holds a whole answer to 1 of the questions (long)" in caplog.text
