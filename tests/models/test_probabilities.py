"""Attention as a loss sees it: the probabilities themselves, also where training drops some."""

import pytest
import torch
from transformers import AutoConfig, AutoModel

from kdlight.models.pretrained import PretrainedEncoder, random_model
from kdlight.types import UserError

NEEDS = frozenset({"attentions"})
SHAPES = {
    "bert": {
        "intermediate_size": 24,
        "attention_probs_dropout_prob": 0.5,
        "hidden_dropout_prob": 0,
    },
    "distilbert": {"hidden_dim": 24, "attention_dropout": 0.5, "dropout": 0.0},
}
COMMON = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def encoder(kind, **options):
    torch.manual_seed(0)
    shape = {"model_type": kind, **COMMON, **options}
    if kind == "distilbert":
        shape |= {"dim": 16, "n_layers": 2, "n_heads": 2}
        shape = {k: v for k, v in shape.items() if k not in COMMON}
    return PretrainedEncoder(random_model(shape, 40, 0, "mean"), "mean")


@pytest.mark.parametrize("kind", SHAPES)
def test_probabilities_are_not_dropped_out(kind, make_batch):
    """Those of the first layer are as in evaluation; what flows on is dropped out as ever."""
    network, batch = encoder(kind, **SHAPES[kind]), make_batch([6, 3])
    mask = batch.joint.mask
    with torch.no_grad():
        calm = network.eval().with_parts(batch, NEEDS)
        torch.manual_seed(1)
        features, parts = network.train().with_parts(batch, NEEDS)
    torch.testing.assert_close(parts["attentions"][0], calm[1]["attentions"][0])
    for layer in parts["attentions"]:
        torch.testing.assert_close(layer.sum(dim=3), torch.ones(2, 2, 6))
        assert not layer.masked_select(~mask[:, None, None, :]).any()
    assert not torch.allclose(features, calm[0])
    network.model.set_attn_implementation("eager")
    with torch.no_grad():
        torch.manual_seed(1)
        plain = network.with_parts(batch, frozenset({"hidden_states"}))[0]
    torch.testing.assert_close(features, plain)


def test_they_are_learnt_from(make_batch):
    network, batch = encoder("bert", **SHAPES["bert"]).train(), make_batch([6, 3])
    network.with_parts(batch, NEEDS)[1]["attentions"][1].square().sum().backward()
    assert network.model.encoder.layer[1].attention.self.query.weight.grad.abs().sum() > 0


def test_a_network_that_tells_them_behind_dropout_only_is_refused(make_batch):
    shape = {"intermediate_size": 24, "max_position_embeddings": 32}
    network, batch = encoder("mpnet", **shape), make_batch([6, 3])
    assert len(network.eval().with_parts(batch, NEEDS)[1]["attentions"]) == 2
    with pytest.raises(UserError, match="attention_probs_dropout_prob=0"):
        network.train().with_parts(batch, NEEDS)
    still = encoder("mpnet", **shape, attention_probs_dropout_prob=0.0).train()
    assert len(still.with_parts(batch, NEEDS)[1]["attentions"]) == 2


def test_a_saved_network_is_any_hugging_face_model(tmp_path, make_batch):
    network, batch = encoder("bert", **SHAPES["bert"]), make_batch([6, 3])
    network.eval().with_parts(batch, NEEDS)
    network.model.save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path)._attn_implementation != "kdlight_eager"
    assert AutoModel.from_pretrained(tmp_path).config._attn_implementation != "kdlight_eager"
