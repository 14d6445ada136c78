"""Vocabularies from text: the same every time, and every word can be written with them."""

from transformers import BertTokenizer

from kdlight.data.pieces import SPECIAL, make_vocabulary

TEXT = ["The cats sat on the mats .", "A cat sees the mat , and the cats see it ."] * 3


def tokenizer(vocabulary, lowercase=True):
    return BertTokenizer(vocab={p: n for n, p in enumerate(vocabulary)}, do_lower_case=lowercase)


def test_word_pieces_join_to_the_words_of_the_text():
    made = make_vocabulary("word_pieces", TEXT.copy, 60, True)
    assert made == make_vocabulary("word_pieces", TEXT.copy, 60, True)
    assert tuple(made[:5]) == SPECIAL
    assert len(made) == len(set(made)) <= 60
    tokens = tokenizer(made)
    assert tokens.tokenize("The cats sat") == ["the", "cats", "sat"]
    for line in TEXT:
        ids = tokens(line, add_special_tokens=False)["input_ids"]
        assert tokens.unk_token_id not in ids
    assert "The" in make_vocabulary("word_pieces", TEXT.copy, 60, False)


def test_rare_signs_give_way_where_the_vocabulary_is_small(caplog):
    common = "the cats sat on the mats"
    rare = [chr(0x3B1 + n) * 2 + "k" for n in range(24)]  # Greek letters, each twice
    lines = [common] * 5 + rare
    made = make_vocabulary("word_pieces", lines.copy, 60, True)
    assert len(made) <= 60
    assert made == make_vocabulary("word_pieces", lines.copy, 60, True)
    kept = {piece.removeprefix("##") for piece in made[len(SPECIAL) :]}
    signs = {piece for piece in kept if len(piece) == 1}
    assert len(signs) == (60 - len(SPECIAL)) // 4
    assert {"t", "s", "a", "k"} <= signs
    assert "cats" in kept
    tokens = tokenizer(made)
    assert tokens.tokenize("the ωω cats") == ["the", "[UNK]", "cats"]
    assert "the text has 34 different signs" in caplog.text
    # Where all fit, all stay.
    whole = make_vocabulary("word_pieces", lines.copy, 2 * 34 + len(SPECIAL), True)
    assert {chr(0x3B1 + n) for n in range(17)} <= set(whole)


def test_characters_stand_alone_and_the_commonest_stay():
    lines = ["我爱北京", "北京很大", "GPT很大"]
    made = make_vocabulary("characters", lines.copy, 50, True)
    tokens = tokenizer(made)
    assert tokens.tokenize("我爱大北京") == ["我", "爱", "大", "北", "京"]
    assert tokens.tokenize("gpt") == ["g", "##p", "##t"]
    few = make_vocabulary("characters", lines.copy, len(SPECIAL) + 4, True)
    assert set(few[len(SPECIAL) :]) == {"北", "京", "很", "大"}
