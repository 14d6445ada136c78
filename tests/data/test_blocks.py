"""Packing keeps every token in its order, and needs no more memory for more text."""

import json

import numpy as np
import pytest

from kdlight.data import blocks
from kdlight.data.blocks import HELD_EVERY, Blocks, pack
from kdlight.data.encode import load_tokenizer
from kdlight.types import UserError


@pytest.fixture
def packed(tmp_path, bert):
    def make(lines, length=10):
        bert.save_pretrained(tmp_path / "tokenizer")
        out = tmp_path / "corpus"
        tokenizer = load_tokenizer(tmp_path / "tokenizer")
        make.tokenizer, make.pad = tokenizer, bert.pad_token_id
        counts = pack(lines, out, tokenizer, bert.pad_token_id, length)
        return out, counts

    return make


def test_tokens_stand_in_their_order_between_the_marks(packed, bert):
    lines = [f"the cat sat on a mat {n % 10}" for n in range(100)]
    out, counts = packed(lines)
    expected = []
    for line in lines:
        expected += [*bert(line, add_special_tokens=False)["input_ids"], bert.sep_token_id]
    train, held = Blocks(out / "train"), Blocks(out / "selection")
    assert len(train) + len(held) == counts["blocks"] == len(expected) // 8
    assert len(held) == 1 + counts["blocks"] // HELD_EVERY
    first, second = (b.batch(np.arange(len(b)), frozenset()).joint.input_ids for b in (train, held))
    assert set(first[:, 0].tolist()) == {bert.cls_token_id}
    assert set(first[:, -1].tolist()) == {bert.sep_token_id}
    rows = [row[1:-1].tolist() for row in first]
    rows.insert(1, second[0, 1:-1].tolist())
    for n in range(1, len(second)):
        rows.insert(n * HELD_EVERY - 1, second[n, 1:-1].tolist())
    found = [token for row in rows for token in row]
    assert found == expected[: len(found)]
    assert len(expected) - len(found) == counts["left_out"] < 8
    assert counts["lines"] == 100


class Killed(BaseException):
    pass


def test_what_was_killed_goes_on_where_it_was(packed, monkeypatch):
    lines = [f"the cat sat on a mat {n % 10}" for n in range(100)]
    monkeypatch.setattr(blocks, "LINES", 10)
    out, expected = packed(lines)
    whole = contents(out)
    state = out / "checkpoints/packed.json"
    state.unlink()

    def some(until):
        yield from lines[:until]
        if until < len(lines):
            raise Killed

    for until, saved_every in ((35, 0.0), (65, 1e9), (75, 0.0)):
        monkeypatch.setattr(blocks, "SAVED_EVERY", saved_every)
        with pytest.raises(Killed):  # what was packed behind the state is dropped
            packed(some(until))
        assert json.loads(state.read_text())["counts"]["lines"] == (70 if until == 75 else 30)
    done = []
    tokenised = Counted(packed.tokenizer)
    assert pack(some(100), out, tokenised, packed.pad, 10, done.append) == expected
    assert done == [70, 10, 10, 10]
    assert tokenised.lines == 30
    assert contents(out) == whole
    assert pack(some(100), out, tokenised, packed.pad, 10, done.append) == expected
    assert done[4:] == [100]  # killed behind its end, where nothing is left to be read
    assert tokenised.lines == 30
    assert contents(out) == whole


class Counted:
    """A tokenizer that counts the lines it is given."""

    def __init__(self, tokenizer):
        self.tokenizer, self.lines = tokenizer, 0

    def encode_batch_fast(self, lines, **options):
        self.lines += len(lines)
        return self.tokenizer.encode_batch_fast(lines, **options)

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


def contents(out):
    found = (p for p in out.rglob("*") if p.is_file() and p.parent.name != "checkpoints")
    return {p.relative_to(out): p.read_bytes() for p in found}


def test_long_lines_are_tokenised_a_few_at_once(packed, monkeypatch):
    lines = ["the cat sat on a mat " * 20] * 9
    out, expected = packed(lines)
    monkeypatch.setattr(blocks, "CHARACTERS", 1000)
    done = []
    again = pack(lines, out.parent / "again", packed.tokenizer, packed.pad, 10, done.append)
    assert again == expected
    assert done == [0, 3, 3, 3]
    assert contents(out.parent / "again") == contents(out)


def test_a_batch_is_joined_text_without_padding(packed):
    out, _ = packed(["the cat sat on a mat"] * 50)
    rows = Blocks(out / "train", "corpus")
    batch = rows.batch(np.array([3, 1]), frozenset({"joint"}))
    assert batch.task == "corpus"
    assert batch.joint.input_ids.shape == (2, 10)
    assert batch.joint.mask.all()
    assert batch.labels.isnan().all()
    assert rows.lengths.tolist() == [10] * len(rows)
    assert rows.text_lengths.tolist() == [[10]] * len(rows)
    assert rows.lengths.strides == (0,)  # however much text there is
    assert json.loads((out / "train/meta.json").read_text())["length"] == 10


def test_few_blocks_are_taken_from_everywhere(packed):
    out, _ = packed([f"the cat sat on a mat {n % 10}" for n in range(400)])
    every = Blocks(out / "train")
    rows = np.arange(len(every))
    ids = every.batch(rows, frozenset()).joint.input_ids
    few = Blocks(out / "train", most=7)
    chosen = [n * len(every) // 7 for n in range(7)]
    assert len(few) == len(few.lengths) == 7
    assert few.batch(np.arange(7), frozenset()).joint.input_ids.equal(ids[chosen])
    for most in (len(every), 10**6):  # little text is left as it is
        same = Blocks(out / "train", most=most)
        assert same.batch(rows, frozenset()).joint.input_ids.equal(ids)


def test_too_little_text_is_refused(packed):
    with pytest.raises(UserError, match="too few for two blocks of 10"):
        packed(["the cat"])
    with pytest.raises(UserError, match="no room for text"):
        packed(["the cat"] * 50, length=2)
