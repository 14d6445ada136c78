"""The Transformer student: Hugging Face's own layers, started from the teacher's."""

import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from kdlight.models.pretrained import PretrainedEncoder
from kdlight.models.transformer import TransformerEncoder, start_from

SHAPE = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}


def teacher(depth=4):
    torch.manual_seed(0)
    config = {k: v for k, v in SHAPE.items() if k != "model_type"}
    config = BertConfig(vocab_size=44, num_hidden_layers=depth, initializer_range=0.3, **config)
    return PretrainedEncoder(BertModel(config, add_pooling_layer=False), "mean").eval()


def student(depth, **changes):
    torch.manual_seed(1)
    shape = SHAPE | {"num_hidden_layers": depth} | changes
    return TransformerEncoder(40, 0, shape, "mean").eval()


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [("first", [0, 1]), ("last", [2, 3]), ("spread", [1, 3]), ([3, 0], [3, 0])],
)
def test_it_computes_what_the_chosen_layers_of_the_teacher_compute(layers, chosen, make_batch):
    """Against Hugging Face's own layers, applied one after another by hand."""
    big, small, batch = teacher(), student(2), make_batch([5, 2, 9])
    start_from(small, big, layers)
    text = batch.joint
    mask = torch.where(text.mask, 0.0, -1e30)[:, None, None, :]
    states = big.model.embeddings(input_ids=text.input_ids, token_type_ids=text.token_type_ids)
    for number in chosen:
        states = big.model.encoder.layer[number](states, mask)
        states = states[0] if isinstance(states, tuple) else states
    real = text.mask[:, :, None]
    expected = (states * real).sum(dim=1) / real.sum(dim=1)
    torch.testing.assert_close(small(batch), expected, rtol=1e-4, atol=1e-5)


def test_as_many_layers_are_a_copy(make_batch):
    big, small, batch = teacher(), student(4), make_batch([5, 2, 9])
    assert not torch.allclose(small(batch), big(batch))
    start_from(small, big, "first")
    torch.testing.assert_close(small(batch), big(batch))
    with torch.no_grad():
        small.model.embeddings.word_embeddings.weight.normal_()
    assert not torch.allclose(small(batch), big(batch))  # the weights are its own


def test_other_architectures_name_their_layers_otherwise(make_batch):
    config = DistilBertConfig(vocab_size=40, dim=16, n_heads=2, n_layers=3, hidden_dim=24)
    big = PretrainedEncoder(DistilBertModel(config), "cls").eval()
    shape = {"model_type": "distilbert", "dim": 16, "n_heads": 2, "hidden_dim": 24}
    small = TransformerEncoder(40, 0, shape | {"n_layers": 3}, "cls").eval()
    start_from(small, big, "first")
    batch = make_batch([5, 2])
    torch.testing.assert_close(small(batch), big(batch))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": 8}, "same architecture and widths"),
        ({"intermediate_size": 12}, "same architecture and widths"),
        ({"num_hidden_layers": 5}, "5 layers cannot start from the teacher's 4"),
    ],
)
def test_a_teacher_of_another_shape_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        start_from(student(2, **changes), teacher(), "first")


def test_inner_states_and_attention_are_those_of_the_model(make_batch):
    encoder, batch = teacher(), make_batch([5, 2, 9])
    plain = encoder(batch)
    features, parts = encoder.with_parts(batch, frozenset({"hidden_states", "attentions"}))
    torch.testing.assert_close(features, plain, rtol=1e-5, atol=1e-5)
    assert [s.shape for s in parts["hidden_states"]] == [(3, 9, 16)] * 5
    assert [a.shape for a in parts["attentions"]] == [(3, 2, 9, 9)] * 4
    for attention in parts["attentions"]:
        torch.testing.assert_close(attention.sum(dim=3), torch.ones(3, 2, 9))
        assert attention[1, :, :, 2:].abs().max() < 1e-6  # nothing attends to padding
