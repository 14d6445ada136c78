"""Replacement by guesses of a masked language model."""

from random import Random

import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from kdlight.augmentation import mlm
from kdlight.augmentation.mlm import MaskedLanguageModel
from kdlight.types import UserError

TEXTS = [["the", "cat", "sat"], ["a", "barn", "near", "the", "old", "house"], ["dog"]]


def guesses(augmenter, texts, draws=200):
    """Every word that may come at each place."""
    random = Random(0)
    return [
        [{chooser(place, random) for _ in range(draws)} for place in range(len(words))]
        for words, chooser in zip(texts, augmenter.choosers(texts), strict=True)
    ]


def naive(folder, words, place, count):
    """The best whole words for one place, from one forward pass over one text."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    text = " ".join([*words[:place], "[MASK]", *words[place + 1 :]])
    batch = tokenizer(text, return_tensors="pt")
    where = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    with torch.no_grad():
        scores = model(**batch).logits[0, where]
    ranked = tokenizer.convert_ids_to_tokens(scores.argsort(descending=True).tolist())
    return [w for w in ranked if w.isalpha() and w != words[place]][:count]


def test_candidates_are_the_best_whole_words_of_the_place(masked_language_model):
    augmenter = MaskedLanguageModel(str(masked_language_model), candidates=3)
    found = guesses(augmenter, TEXTS)
    for words, places in zip(TEXTS, found, strict=True):
        for place, candidates in enumerate(places):
            assert candidates == set(naive(masked_language_model, words, place, 3))


def test_batches_do_not_change_the_guesses(masked_language_model, monkeypatch):
    augmenter = MaskedLanguageModel(str(masked_language_model), candidates=2)
    whole = guesses(augmenter, TEXTS)
    monkeypatch.setattr(mlm, "MASKED_AT_ONCE", 1)
    assert guesses(augmenter, TEXTS) == whole


def test_a_model_without_the_head_is_refused(masked_language_model, tmp_path):
    AutoModel.from_pretrained(masked_language_model).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(masked_language_model).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no head that guesses"):
        MaskedLanguageModel(str(tmp_path))


def test_a_word_cut_off_by_the_length_stays(masked_language_model):
    augmenter = MaskedLanguageModel(str(masked_language_model), candidates=2)
    augmenter.longest = 6
    (places,) = guesses(augmenter, [["the"] * 10])
    assert [candidates == {"the"} for candidates in places] == [False] * 4 + [True] * 6


def test_impossible_numbers_are_refused(masked_language_model):
    with pytest.raises(ValueError, match="candidates=0"):
        MaskedLanguageModel(str(masked_language_model), candidates=0)
