"""Hugging Face encoders as teacher bodies, against a naive use of the same model."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from kdlight.models.pretrained import PretrainedEncoder, load_encoder, random_encoder
from kdlight.types import Tokens, UserError

SHAPE = {
    "num_hidden_layers": 2,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}
LENGTHS = [5, 2, 9, 1]


@pytest.fixture
def folder(tmp_path):
    """A random BERT with a pooler, as the hub serves it."""
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=40, initializer_range=0.3, **SHAPE))
    model.save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def naive(folder, text):
    """The model's outputs for each row alone and unpadded."""
    model = BertModel.from_pretrained(folder).eval()
    rows = zip(text.input_ids, text.token_type_ids, text.lengths.tolist(), strict=True)
    return [
        model(input_ids=ids[None, :n], token_type_ids=types[None, :n]) for ids, types, n in rows
    ]


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooler"])
def test_pooling_equals_the_rows_one_by_one(folder, pooling, make_batch):
    batch = make_batch(LENGTHS, extra=3)
    pooled = {
        "cls": lambda output: output.last_hidden_state[0, 0],
        "mean": lambda output: sum(output.last_hidden_state[0]) / output.last_hidden_state.shape[1],
        "pooler": lambda output: output.pooler_output[0],
    }[pooling]
    expected = [pooled(output) for output in naive(folder, batch.joint)]
    with torch.no_grad():
        found = load_encoder(folder, pooling).eval()(batch)
    torch.testing.assert_close(found, torch.stack(expected).detach(), rtol=1e-4, atol=1e-5)


def test_segments_are_pooled_apart(folder, make_batch):
    batch = make_batch([5, 2, 9], extra=3)
    text = batch.joint
    types = torch.zeros_like(text.input_ids)
    for row, first in enumerate((2, 1, 4)):
        types[row, first : text.lengths[row]] = 1
    pair = replace(batch, joint=Tokens(text.input_ids, text.lengths, types))
    encoder = load_encoder(folder, "segments").eval()
    found = encoder(pair)
    assert found.shape == (3, encoder.num_features(pair=True)) == (3, 64)
    for row, (first, output) in enumerate(zip((2, 1, 4), naive(folder, pair.joint), strict=True)):
        states = output.last_hidden_state[0]
        u, v = states[:first].mean(dim=0), states[first:].mean(dim=0)
        expected = torch.cat([u, v, (u - v).abs(), u * v])
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)
    lone = replace(batch, joint=Tokens(text.input_ids, text.lengths, torch.zeros_like(types)))
    mean = load_encoder(folder, "mean").eval()
    torch.testing.assert_close(encoder(lone), mean(lone))
    assert encoder(lone).shape[1] == encoder.num_features(pair=False) == 16


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_what_lies_in_the_padding_does_not_matter(folder, pooling, make_batch):
    encoder = load_encoder(folder, pooling).eval()
    batch = make_batch(LENGTHS)
    text = batch.joint
    junk = torch.full((len(LENGTHS), 6), 11)
    ids = torch.cat([torch.where(text.mask, text.input_ids, 23), junk], dim=1)
    types = torch.cat([text.token_type_ids, torch.ones_like(junk)], dim=1)
    padded = replace(batch, joint=Tokens(ids, text.lengths, types))
    torch.testing.assert_close(encoder(padded), encoder(batch), rtol=1e-4, atol=1e-5)


def test_token_types_reach_the_model(folder, make_batch):
    encoder = load_encoder(folder, "mean").eval()
    batch = make_batch([6, 6])
    flipped = replace(batch.joint, token_type_ids=1 - batch.joint.token_type_ids)
    assert (encoder(replace(batch, joint=flipped)) - encoder(batch)).abs().max() > 1e-3


def test_a_model_without_token_types_is_not_given_any(make_batch):
    torch.manual_seed(0)
    config = RobertaConfig(vocab_size=40, type_vocab_size=1, pad_token_id=0, **SHAPE)
    encoder = PretrainedEncoder(RobertaModel(config, add_pooling_layer=False)).eval()
    batch = make_batch([6, 3])
    assert batch.joint.token_type_ids.max() == 1
    untyped = replace(batch.joint, token_type_ids=None)
    assert torch.equal(encoder(batch), encoder(replace(batch, joint=untyped)))


def test_weights_are_read_in_fp32(folder):
    weights = {k: v.half() for k, v in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    encoder = load_encoder(folder, "cls")
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}


def test_missing_weights_are_refused_by_name(folder):
    weights = load_file(folder / "model.safetensors")
    lost = "encoder.layer.1.output.dense.weight"
    del weights[lost]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=rf"lacks 1 weights.*{lost}"):
        load_encoder(folder, "cls")


def test_another_pooling_is_refused(folder):
    with pytest.raises(UserError, match="pooling=max"):
        load_encoder(folder, "max")


def test_a_batch_without_joined_text_is_refused(folder, make_batch):
    with pytest.raises(ValueError, match="no joined text"):
        load_encoder(folder, "cls")(replace(make_batch([2]), joint=None))


def test_a_random_encoder_has_the_shape_and_spread_asked_for():
    shape = {"model_type": "bert", **SHAPE}
    encoder = random_encoder(shape, vocabulary=3000, pad=2, pooling="mean", embedding_std=0.5)
    table = encoder.model.get_input_embeddings().weight
    assert table.shape == (3000, 16)
    assert torch.equal(table[2], torch.zeros(16))
    assert table.std().item() == pytest.approx(0.5, rel=0.03)
    assert encoder.num_features(pair=False) == encoder.num_features(pair=True) == 16
    assert encoder.model.config.num_hidden_layers == 2
    assert encoder.model.pooler is None
