"""Texts with options: each option meets its text, and no other."""

import numpy as np
import pytest

from kdlight.data.encoded import EncodedRows
from kdlight.data.options import encode_choices
from kdlight.data.rows import write_rows
from kdlight.types import Example


@pytest.fixture
def choices(tmp_path, bert):
    def make(examples, max_length=32):
        write_rows(tmp_path / "rows.arrow", examples)
        special = {"pad": bert.pad_token_id, "mask": "[MASK]"}
        tokenizer, out = bert.backend_tokenizer, tmp_path / "out"
        found = encode_choices(tmp_path / "rows.arrow", out, tokenizer, special, max_length)
        return EncodedRows(out, "t"), found

    return make


ROWS = [
    Example("1", "the cat sat", label=1, options=("on a mat", "big", "red dog")),
    Example("2", "old house", "was it", 0, options=("good", "very bad")),
    Example("3", "rain fell", None, None, options=("late", "early")),
]


def test_every_option_is_joined_to_its_text(choices, bert):
    rows, _ = choices(ROWS)
    batch = rows.batch(np.array([1, 0]), frozenset({"joint", "texts"}))
    assert batch.options.tolist() == [2, 3]
    assert batch.labels.tolist() == [0, 1]
    shown = [
        bert.decode(ids[:length])
        for ids, length in zip(batch.joint.input_ids, batch.joint.lengths, strict=True)
    ]
    assert shown == [
        "[CLS] old house [SEP] was it good [SEP]",
        "[CLS] old house [SEP] was it very bad [SEP]",
        "[CLS] the cat sat [SEP] on a mat [SEP]",
        "[CLS] the cat sat [SEP] big [SEP]",
        "[CLS] the cat sat [SEP] red dog [SEP]",
    ]
    assert batch.texts[0].lengths.tolist() == [2, 2, 3, 3, 3]
    assert batch.texts[1].lengths.tolist() == [3, 4, 3, 1, 2]


def test_lengths_labels_and_the_most_options(choices):
    rows, found = choices(ROWS)
    assert rows.text_lengths.tolist() == [[3, 3], [2, 4], [2, 1]]
    assert rows.known_labels.tolist() == [0, 1]
    assert rows.layout.most == 3
    assert (found.rows, found.texts_cut, found.options_cut) == (3, 0, 0)


def test_a_long_text_is_cut_around_its_gap(choices, bert):
    text = " ".join(["cat"] * 30 + ["[MASK]"] + ["dog"] * 30)
    rows, found = choices([Example("1", text, label=0, options=("mat", "red"))], 16)
    batch = rows.batch(np.array([0]), frozenset({"joint"}))
    kept = bert.decode(batch.joint.input_ids[0]).split(" [SEP] ")[0].split()
    assert "[MASK]" in kept
    assert {"cat", "dog"} <= set(kept)
    assert int(batch.joint.lengths[0]) == 16
    assert found.texts_cut == 1


def test_a_long_text_without_a_gap_loses_its_end(choices, bert):
    text = " ".join(["cat"] * 3 + ["dog"] * 30)
    rows, _ = choices([Example("1", text, label=0, options=("mat", "red"))], 16)
    batch = rows.batch(np.array([0]), frozenset({"joint"}))
    assert bert.decode(batch.joint.input_ids[0]).startswith("[CLS] cat cat cat dog")
