"""The head over words of a model folder gives what the library that wrote it gives."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

from kdlight.models.build import load_body
from kdlight.models.masked_lm import MaskedLMModel, WordHead, with_words
from kdlight.models.word_heads import word_head

SHAPE = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 64,
}  # fmt: skip
DISTILBERT = {"vocab_size": 40, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32}
KINDS = {
    "bert": lambda: BertForMaskedLM(BertConfig(**SHAPE)),
    "roberta": lambda: RobertaForMaskedLM(RobertaConfig(**SHAPE)),
    "distilbert": lambda: DistilBertForMaskedLM(DistilBertConfig(**DISTILBERT)),
}


def saved(model, folder):
    """The folder of a model whose biases and norms are not those of a new one."""
    torch.manual_seed(1)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.5)
    model.eval().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_those_of_the_library(kind, tmp_path, make_batch):
    model = KINDS[kind]()
    folder = saved(model, tmp_path)
    assert set(word_head(folder)) == set(WordHead(16, 40).state_dict())
    found = with_words(load_body(folder, "mean"), folder).eval()
    ids = torch.randint(5, 40, (2, 6), generator=torch.Generator().manual_seed(2))
    batch = make_batch(ids)
    with torch.inference_mode():
        ours = found(batch, frozenset({"words"})).words
        theirs = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[batch.places]
    torch.testing.assert_close(ours, theirs)


@pytest.fixture
def make_batch():
    """A function: a batch of these ids, words hidden at some places."""
    from kdlight.types import Batch, Tokens

    def make(ids):
        rows = torch.arange(len(ids))
        text = Tokens(ids, torch.full((len(ids),), ids.shape[1]), torch.zeros_like(ids))
        labels = torch.full((len(ids),), torch.nan)
        places = torch.zeros_like(ids, dtype=torch.bool)
        places[:, 1::2] = True
        return Batch("text", rows, rows, labels, (), text, places=places, words=ids[places])

    return make


def test_names_of_berts_first_years(tmp_path):
    folder = saved(KINDS["bert"](), tmp_path)
    path = folder / "model.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = load_file(path)
    for new, name in old.items():
        weights = {key.replace(new, name): weight for key, weight in weights.items()}
    save_file(weights, path, {"format": "pt"})
    assert word_head(folder)["norm.weight"] == (path, "cls.predictions.transform.LayerNorm.gamma")
    assert word_head(folder)["norm.bias"] == (path, "cls.predictions.transform.LayerNorm.beta")
    assert word_head(folder)["bias"] == (path, "cls.predictions.bias")


@pytest.mark.parametrize("changed", [{"hidden_act": "relu"}, {"tie_word_embeddings": False}])
def test_a_head_of_another_kind_is_none(changed, tmp_path):
    folder = saved(KINDS["bert"](), tmp_path)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    assert word_head(folder) == {}


def test_an_encoder_alone_has_none(tmp_path):
    folder = saved(BertModel(BertConfig(**SHAPE)), tmp_path)
    assert word_head(folder) == {}
    assert not isinstance(with_words(load_body(folder, "mean"), folder), MaskedLMModel)
