"""Text to token arrays: nothing empty, nothing lost, templates read off the tokenizer."""

import math

import numpy as np
import pytest

from kdlight.data.encode import digest, template
from kdlight.data.encoded import Template
from kdlight.types import Example


def test_the_template_of_bert(bert):
    cls, sep = bert.cls_token_id, bert.sep_token_id
    found = template(bert.backend_tokenizer, bert.pad_token_id)
    assert found == Template(bert.pad_token_id, (cls,), (sep,), (sep,), second_type=1)
    assert (found.extra_single, found.extra_pair) == (2, 3)


def test_the_template_of_roberta(roberta):
    start, end = roberta.bos_token_id or roberta.cls_token_id, roberta.sep_token_id
    found = template(roberta.backend_tokenizer, roberta.pad_token_id)
    assert found == Template(roberta.pad_token_id, (start,), (end, end), (end,), second_type=0)
    assert (found.extra_single, found.extra_pair) == (2, 4)


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "¤¤¤", "\ufffd"])
@pytest.mark.parametrize("which", ["bert", "roberta"])
def test_no_text_becomes_empty(encode, which, text, request):
    tokenizer = request.getfixturevalue(which)
    rows = encode([Example("1", "cat", text), Example("2", text, "cat")], tokenizer)
    batch = rows.batch(np.arange(2), frozenset({"texts", "joint"}))
    for tokens in batch.texts:
        assert tokens.lengths.min() >= 1
    extra = rows.template.extra_pair
    assert batch.joint.lengths.tolist() == [
        a + b + extra for a, b in zip(*(t.lengths.tolist() for t in batch.texts), strict=True)
    ]


def test_an_empty_text_is_the_unknown_token(encode, bert):
    batch = encode([Example("1", "")]).batch(np.array([0]), frozenset({"texts"}))
    assert batch.texts[0].input_ids.tolist() == [[bert.unk_token_id]]


def test_labels_and_ids_are_kept_in_order(encode):
    examples = [
        Example("x-7", "cat", label=2),
        Example("x-3", "dog"),
        Example("é", "mat", label=0.5),
    ]
    rows = encode(examples)
    assert rows.ids.tolist() == [digest("x-7"), digest("x-3"), digest("é")]
    assert rows.labels[[0, 2]].tolist() == [2, 0.5]
    assert math.isnan(rows.labels[1])
    assert rows.known_labels.tolist() == [0, 2]


def test_digests_are_stable_64_bit_and_apart():
    assert digest("train-17") == 8042370981774932916
    numbers = {digest(f"train-{number}") for number in range(2000)}
    assert len(numbers) == 2000
    assert all(-(2**63) <= number < 2**63 for number in numbers)
    assert min(numbers) < 0 < max(numbers)


def test_chunk_borders_change_nothing(encode, sentences, monkeypatch):
    from kdlight.data import encode as module

    examples = sentences(23, pair=True)
    whole = encode(examples)
    monkeypatch.setattr(module, "CHUNK", 5)
    parts = encode(examples)
    for side in (0, 1):
        for one, other in zip(whole._sides[side], parts._sides[side], strict=True):
            assert np.array_equal(one, other)
    assert np.array_equal(whole.ids, parts.ids)


def test_no_rows_are_no_rows(encode):
    rows = encode([])
    assert len(rows) == 0
    assert rows.lengths.tolist() == []


def test_arrays_are_mapped_and_small(encode, sentences):
    rows = encode(sentences(50))
    flat, offsets = rows._sides[0]
    assert all(isinstance(array, np.memmap) for array in (flat, offsets, rows.ids, rows.labels))
    assert not flat.flags.writeable
    assert flat.dtype == np.uint16


def test_a_masked_word_is_the_mask_of_any_tokenizer(encode, bert, roberta):
    for tokenizer in (bert, roberta):
        rows = encode([Example("1", "the [MASK] sat")], tokenizer)
        ids = rows.batch(np.array([0]), frozenset({"texts"})).texts[0].input_ids[0].tolist()
        assert ids.count(tokenizer.mask_token_id) == 1
