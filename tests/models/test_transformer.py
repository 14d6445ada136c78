"""The Transformer student: Hugging Face's own layers, started from the teacher's."""

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from kdlight.models.pretrained import PretrainedEncoder
from kdlight.models.transformer import TransformerEncoder, start_embeddings, start_from

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


def test_embeddings_of_a_narrower_student_keep_the_widest_directions_of_their_sum():
    """Against a principal component analysis, by singular values, of every sum there can be."""
    big, small = teacher(), student(2, hidden_size=8, max_position_embeddings=30)
    kept = start_embeddings(small, big)
    found = big.model.embeddings
    tables = {
        "word_embeddings": found.word_embeddings.weight[:40],
        "position_embeddings": found.position_embeddings.weight[:30],
        "token_type_embeddings": found.token_type_embeddings.weight,
    }
    words, places, types = (table.detach().double() for table in tables.values())
    sums = (words[:, None, None] + places[:, None] + types).reshape(-1, 16)
    _, sizes, directions = torch.linalg.svd(sums - sums.mean(dim=0), full_matrices=False)
    assert kept == pytest.approx(float(sizes[:8].square().sum() / sizes.square().sum()))
    assert not small.embeddings.weight[0].any()  # the padding
    # The directions are the same but for their signs, so that products of rows are.
    turned, ours = [], []
    for name, table in tables.items():
        theirs = table.detach().double()
        turned.append(((theirs - theirs.mean(dim=0)) @ directions[:8].T)[name[0] == "w" :])
        ours.append(
            getattr(small.model.embeddings, name).weight.detach().double()[name[0] == "w" :]
        )
    expected, got = torch.cat(turned), torch.cat(ours)
    torch.testing.assert_close(got @ got.T, expected @ expected.T, rtol=1e-4, atol=1e-5)


def test_embeddings_of_a_student_as_wide_are_copies():
    big, small = teacher(), student(2)
    assert start_embeddings(small, big) == 1.0
    for name in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
        ours = getattr(small.model.embeddings, name).weight
        theirs = getattr(big.model.embeddings, name).weight[: len(ours)].clone()
        if name == "word_embeddings":
            theirs[0] = 0.0
        torch.testing.assert_close(ours, theirs)


def test_embeddings_of_other_architectures_start_from_what_they_share():
    """RoBERTa counts positions from behind its padding, so that they are others."""
    small = student(2, hidden_size=8)
    config = DistilBertConfig(vocab_size=40, dim=16, n_heads=2, n_layers=2, hidden_dim=24)
    start_embeddings(small, PretrainedEncoder(DistilBertModel(config), "cls"))
    words, places = small.embeddings.weight, small.model.embeddings.position_embeddings.weight
    found = words.clone(), places.clone()
    sizes = {k: v for k, v in SHAPE.items() if k != "model_type"}
    roberta = RobertaModel(RobertaConfig(vocab_size=40, num_hidden_layers=1, **sizes))
    start_embeddings(small, PretrainedEncoder(roberta, "cls"))
    assert not torch.allclose(words, found[0])
    torch.testing.assert_close(places, found[1])


def test_embeddings_of_a_wider_student_begin_with_the_teachers():
    big, small = student(2, hidden_size=32), teacher()
    before = big.embeddings.weight.detach().clone()
    assert start_embeddings(big, small) == 1.0
    found, words = big.embeddings.weight.detach(), small.embeddings.weight.detach()
    torch.testing.assert_close(found[1:, :16], words[1 : len(found)])
    torch.testing.assert_close(found[1:, 16:], before[1:, 16:])
    assert not found[0].any()  # the padding
