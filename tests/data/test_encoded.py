"""Gathered batches against the encoding of the Hugging Face tokenizer itself."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdlight.data.encoded import EncodedRows, _truncate
from kdlight.types import Example, UserError

BOTH = frozenset({"texts", "joint"})
LENGTHS = [6, 7, 8, 13, 32, 64]


def reference(tokenizer, examples, max_length):
    """What `tokenizer(...)` itself gives for the rows."""
    second = [row.text_b for row in examples] if examples[0].text_b is not None else None
    return tokenizer(
        [row.text_a for row in examples],
        second,
        truncation="longest_first",
        max_length=max_length,
        padding=True,
        return_token_type_ids=True,
        return_tensors="pt",
    )


def both_reach(tokenizer, row, length):
    counts = [
        len(tokenizer(t, add_special_tokens=False)["input_ids"]) for t in (row.text_a, row.text_b)
    ]
    return min(counts) >= length


@pytest.mark.parametrize("max_length", LENGTHS)
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("which", ["bert", "roberta"])
def test_joined_text_is_what_the_tokenizer_makes(
    which, pair, max_length, encode, sentences, request
):
    tokenizer = request.getfixturevalue(which)
    examples = sentences(150, seed=max_length, pair=pair)
    if pair:
        # Texts are stored up to max_length tokens; where both reach it, an odd token left over
        # may go to the other side.
        examples = [row for row in examples if not both_reach(tokenizer, row, max_length)]
    rows = encode(examples, tokenizer, max_length)
    order = np.random.default_rng(0).permutation(len(examples))
    joint = rows.batch(order, BOTH).joint
    expected = reference(tokenizer, [examples[i] for i in order], max_length)
    assert torch.equal(joint.input_ids, expected["input_ids"])
    assert torch.equal(joint.token_type_ids, expected["token_type_ids"])
    assert torch.equal(joint.mask.long(), expected["attention_mask"])
    assert joint.lengths.max() <= max_length
    assert len(examples) >= 3


def test_two_long_texts_share_the_room(encode, bert):
    row = Example("0", "cat " * 30, "dog " * 20)
    joint = encode([row], max_length=10).batch(np.array([0]), BOTH).joint
    words = bert.convert_ids_to_tokens(joint.input_ids[0].tolist())
    assert len(words) == 10
    assert sorted((words.count("cat"), words.count("dog"))) == [3, 4]


@pytest.mark.parametrize("which", ["bert", "roberta"])
def test_texts_apart_have_no_special_tokens(which, encode, sentences, request):
    tokenizer = request.getfixturevalue(which)
    examples = sentences(12, pair=True)
    texts = encode(examples, tokenizer, max_length=9).batch(np.arange(12), BOTH).texts
    for tokens, side in zip(texts, ("text_a", "text_b"), strict=True):
        for row, example in enumerate(examples):
            words = getattr(example, side)
            expected = tokenizer(words, add_special_tokens=False)["input_ids"][:9]
            length = int(tokens.lengths[row])
            assert tokens.input_ids[row, :length].tolist() == expected
            assert (tokens.input_ids[row, length:] == tokenizer.pad_token_id).all()
    assert any(len(e.text_a.split()) > 9 for e in examples)


def test_only_what_is_read_is_made(encode, sentences):
    rows, some = encode(sentences(4)), np.array([2, 0])
    texts, joint = (rows.batch(some, frozenset({form})) for form in ("texts", "joint"))
    assert len(texts.texts) == 1
    assert texts.joint is None
    assert joint.texts == ()
    assert joint.joint is not None


def test_a_batch_names_its_rows(encode, sentences):
    rows = encode([*sentences(5), Example("last", "cat")], task="cola")
    batch = rows.batch(np.array([5, 1]), BOTH)
    assert batch.task == "cola"
    assert len(batch) == 2
    assert batch.rows.tolist() == [5, 1]
    assert batch.ids.tolist() == [rows.ids[5], rows.ids[1]]
    assert batch.labels.isnan().tolist() == [True, False]


def test_lengths_count_both_texts_and_no_special_tokens(encode):
    pairs = [Example("0", "the cat", "a mat"), Example("1", "dog", "big red dog")]
    assert encode(pairs).lengths.tolist() == [4, 4]
    assert encode(pairs, max_length=2).lengths.tolist() == [4, 3]
    singles = [Example("0", "the cat sat"), Example("1", "dog")]
    assert encode(singles).lengths.tolist() == [3, 1]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 50))
def test_truncation_takes_from_the_longer_text_first(first, second, room):
    a, b = (int(x[0]) for x in _truncate(np.array([first]), np.array([second]), room))
    assert a + b == min(room, first + second)
    # One token at a time off the longer text; the side of the last odd token is not fixed.
    left, right = first, second
    while left + right > room:
        left, right = (left - 1, right) if left > right else (left, right - 1)
    assert sorted((a, b)) == sorted((left, right))
    if first != second and abs(left - right) > 1:
        assert (a, b) == (left, right)


def test_copies_keep_their_labels_only_where_asked(encode, tmp_path):
    rows = encode([Example("1", "cat", label=1), Example("1+0", "[MASK]", label=1, parent="1")])
    (folder,) = tmp_path.glob("rows*/encoded")
    assert rows.known_labels.tolist() == [0]
    assert rows.batch(np.array([0, 1]), frozenset()).labels.isnan().tolist() == [False, True]
    assert EncodedRows(folder, "demo", keep_labels=True).known_labels.tolist() == [0, 1]


@pytest.mark.parametrize("pair", [False, True])
def test_the_joined_text_may_be_in_the_tokens_of_another_network(pair, encode, sentences, roberta):
    examples = sentences(20, pair=pair)
    own, other = encode(examples), encode(examples, roberta)
    both = EncodedRows(own.folder, "demo", joint=other)
    order = np.array([7, 0, 19, 3])
    batch = both.batch(order, BOTH)
    mine, theirs = own.batch(order, BOTH), other.batch(order, BOTH)
    for found, expected in zip(batch.texts, mine.texts, strict=True):
        assert torch.equal(found.input_ids, expected.input_ids)
    assert torch.equal(batch.joint.input_ids, theirs.joint.input_ids)
    assert torch.equal(batch.joint.lengths, theirs.joint.lengths)
    assert not torch.equal(batch.joint.lengths, mine.joint.lengths)
    assert torch.equal(batch.ids, theirs.ids)
    assert np.array_equal(both.lengths, own.lengths)


def test_other_rows_in_another_networks_tokens_are_refused(encode, sentences):
    own, other = encode(sentences(20)), encode(sentences(21)[1:])
    with pytest.raises(UserError, match="read different rows"):
        EncodedRows(own.folder, "demo", joint=other)
