"""Words are split as BERT splits, counted, and put into lower case where the teacher does so."""

import pytest

from kdlight.data.encode import template
from kdlight.data.words import SPECIAL, word_tokenizer
from kdlight.types import UserError

TEXTS = ["The Cat's mat, the [MASK] café", "a mat on THE mat", "[MASK]"]


@pytest.fixture
def lowers(bert):
    return bert.backend_tokenizer


@pytest.fixture
def keeps(roberta):
    return roberta.backend_tokenizer


def words(tokenizer):
    return [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]


def test_the_commonest_words_stand_first_behind_the_special_ones(lowers):
    found = words(word_tokenizer(TEXTS, lowers))
    assert found == [*SPECIAL, "mat", "the", "'", ",", "a", "cafe", "cat", "on", "s"]


def test_case_and_accents_are_kept_where_the_teacher_keeps_them(keeps):
    tokenizer = word_tokenizer(TEXTS, keeps)
    assert {"The", "THE", "the", "café"} <= set(words(tokenizer))
    assert tokenizer.encode("the The tHe").ids[2] == tokenizer.token_to_id("[UNK]")


def test_words_are_split_as_bert_does_it(lowers):
    from transformers.models.bert.tokenization_bert_legacy import BasicTokenizer

    text = "It's a well-told, 中文 naïve $5.00 story\u200b…(really?)\tno"
    tokenizer = word_tokenizer([text], lowers)
    assert tokenizer.encode(text).tokens == BasicTokenizer().tokenize(text)


def test_a_masked_word_is_one_token_and_no_word(lowers):
    tokenizer = word_tokenizer(TEXTS, lowers)
    assert tokenizer.encode("the [MASK] sat").tokens == ["the", "[MASK]", "[UNK]"]
    assert not {"[", "]", "mask"} & set(words(tokenizer))


def test_rare_words_and_those_beyond_the_size_are_unknown(lowers):
    assert words(word_tokenizer(TEXTS, lowers, min_count=2)) == [*SPECIAL, "mat", "the"]
    assert words(word_tokenizer(TEXTS, lowers, max_size=4)) == [*SPECIAL, "mat"]
    assert word_tokenizer(TEXTS, lowers, 2).encode("mat on").ids[1] == 1


def test_the_order_of_the_texts_does_not_matter(lowers):
    one, other = (word_tokenizer(texts, lowers).to_str() for texts in (TEXTS, TEXTS[::-1]))
    assert one == other


def test_no_word_is_refused(lowers):
    with pytest.raises(UserError, match="min_count=9"):
        word_tokenizer(TEXTS, lowers, min_count=9)


def test_rows_are_encoded_with_it(lowers, tmp_path):
    """The same files as with any tokenizer: an empty text is the unknown word."""
    import numpy as np

    from kdlight.data.encode import encode_rows
    from kdlight.data.encoded import EncodedRows
    from kdlight.data.rows import write_rows
    from kdlight.types import Example

    tokenizer = word_tokenizer(TEXTS, lowers)
    write_rows(tmp_path / "r.arrow", [Example("1", "the mat", " "), Example("2", "dog", "cat on")])
    special = {"pad": 0, "mask": "[MASK]"}
    encode_rows(tmp_path / "r.arrow", tmp_path / "e", tokenizer, special, 8)
    batch = EncodedRows(tmp_path / "e", "t").batch(np.arange(2), frozenset({"texts"}))
    first, second = (text.input_ids.tolist() for text in batch.texts)
    the, mat, cat, on = map(tokenizer.token_to_id, ("the", "mat", "cat", "on"))
    assert (first, second) == ([[the, mat], [1, 0]], [[1, 0], [cat, on]])
    assert template(tokenizer, 0).extra_pair == 0
