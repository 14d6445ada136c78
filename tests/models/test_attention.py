"""Recorded queries, keys and values are those of the layer itself."""

import pytest
import torch
from transformers import AutoConfig, AutoModel

from kdlight.models.attention import KINDS, projections, recorded
from kdlight.models.pretrained import PretrainedEncoder, random_model
from kdlight.types import UserError

BERT = {"model_type": "bert", "num_hidden_layers": 3, "hidden_size": 8, "num_attention_heads": 2}
BERT |= {"intermediate_size": 12}


@pytest.mark.parametrize("layer", [0, -1, 1])
def test_they_are_the_layers_own(layer, make_batch):
    torch.manual_seed(0)
    model = random_model(BERT, 40, 0, "mean").eval()
    batch = make_batch([5, 3])
    encoder = PretrainedEncoder(model, "mean")
    encoder.relation_layer = layer
    features, parts = encoder.with_parts(batch, frozenset({"relations", "hidden_states"}))
    assert set(parts) == {"relations", "hidden_states"}
    before = parts["hidden_states"][range(3)[layer]]
    own = model.encoder.layer[layer].attention.self
    for kind in KINDS:
        torch.testing.assert_close(parts["relations"][kind], getattr(own, kind)(before))
    torch.testing.assert_close(features, encoder(batch))
    assert not own.query._forward_hooks


@pytest.mark.parametrize(("layer", "run"), [(-1, 2), (0, 0), (1, 1)])
def test_alone_they_need_no_more_of_the_pass(layer, run, make_batch):
    """Their values and gradients are the same, and what stands above them is not run."""
    torch.manual_seed(0)
    encoder = PretrainedEncoder(random_model(BERT, 40, 0, "mean").eval(), "mean")
    encoder.relation_layer = layer
    batch, needs = make_batch([5, 3]), frozenset({"relations"})
    ended = []
    for part in encoder.model.encoder.layer:
        part.register_forward_hook(lambda *_: ended.append(1))
    found, whole = encoder.parts(batch, needs), encoder.with_parts(batch, needs)[1]
    assert len(ended) == run + 3
    table = encoder.embeddings.weight
    for kind in KINDS:
        assert torch.equal(found["relations"][kind], whole["relations"][kind])
    first, second = (
        torch.autograd.grad(sum(part["relations"][kind].square().sum() for kind in KINDS), table)
        for part in (found, whole)
    )
    assert torch.equal(first[0], second[0])
    both = encoder.parts(batch, frozenset({"relations", "hidden_states"}))
    assert torch.equal(both["hidden_states"][-1], encoder(batch, tokens=True))


def test_layers_of_the_same_weights_give_those_of_the_last(make_batch):
    shape = BERT | {"model_type": "albert", "embedding_size": 8}
    encoder = PretrainedEncoder(random_model(shape, 40, 0, "mean").eval(), "mean")
    batch, needs = make_batch([5, 3]), frozenset({"relations"})
    found, whole = encoder.parts(batch, needs), encoder.with_parts(batch, needs)[1]
    for kind in KINDS:
        assert torch.equal(found["relations"][kind], whole["relations"][kind])


@pytest.mark.parametrize("kind", ["roberta", "electra", "distilbert", "albert", "mpnet"])
def test_other_architectures(kind):
    small = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2}
    small |= {"n_layers": 1, "dim": 8, "n_heads": 2, "hidden_dim": 12, "intermediate_size": 12}
    model = AutoModel.from_config(AutoConfig.for_model(kind, **small, vocab_size=40))
    found = projections(model, -1)
    assert [part.out_features for part in found.values()] == [8, 8, 8]


def test_what_has_none_is_refused():
    model = random_model(BERT, 40, 0, "mean")
    with pytest.raises(UserError, match="has no layer 3"), recorded(model, 3):
        pass
    with pytest.raises(UserError, match="has no layer -1"):
        projections(torch.nn.Linear(2, 2), -1)
    with pytest.raises(UserError, match="not made by a linear map each"):
        projections(torch.nn.Sequential(torch.nn.ModuleList([torch.nn.Linear(2, 2)])), 0)
