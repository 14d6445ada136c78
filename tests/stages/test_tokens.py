"""Rows that do not fit are counted, and told where they are more than a few."""

import json

import pytest

from kdlight.data.rows import write_rows
from kdlight.stages import tokens
from kdlight.types import Example, StageSpec

WORDS = "the cat sat on a mat"  # six tokens


@pytest.fixture
def facts(tmp_path, bert):
    """`facts(max_length, **rows)`: what the stage notes of the rows of each split."""
    bert.save_pretrained(tmp_path / "tokenizer")
    special = {"pad": bert.pad_token_id, "mask": bert.mask_token}
    (tmp_path / "tokenizer/special.json").write_text(json.dumps(special))
    for name in ("rows", "out"):
        (tmp_path / name).mkdir()

    def run(max_length, **splits):
        for split, rows in splits.items():
            write_rows(tmp_path / f"rows/{split}.arrow", rows)
        inputs = {name: str(tmp_path / name) for name in ("tokenizer", "rows")}
        config, out = {"max_length": max_length}, tmp_path / "out"
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
