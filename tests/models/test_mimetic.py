"""Where attention starts in an encoder that is trained from nothing (arXiv 2305.09828)."""

import math

import pytest
import torch
from torch.nn import functional as F

from kdlight.models.attention import outputs, projections
from kdlight.models.masked_lm import MaskedLMModel
from kdlight.models.mimetic import positions, sines, start_mimetic
from kdlight.models.pretrained import random_encoder
from kdlight.types import Batch, Tokens, UserError

STD = 0.02
SMALL = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 64,
    "embedding_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def made(start=True, model_type="bert", heads=4, **shape):
    torch.manual_seed(0)
    fields = {"model_type": model_type, "num_attention_heads": heads, **SMALL, **shape}
    encoder = random_encoder(fields, vocabulary=50, pad=0, pooling="mean", embedding_std=STD)
    if start:
        start_mimetic(encoder.model, STD)
    return encoder


def test_waves_are_those_of_the_formula():
    found = sines(7, 6)
    for place in range(7):
        for pair in range(3):
            angle = place / 10_000 ** (2 * pair / 6)
            assert found[place, 2 * pair] == pytest.approx(math.sin(angle), abs=1e-6)
            assert found[place, 2 * pair + 1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_queries_meet_keys_as_the_identity_and_values_leave_as_its_negative():
    encoder = made(heads=1)
    encoder.requires_grad_(False)
    for layer in range(2):
        parts = projections(encoder.model, layer)
        alike = parts["query"].weight.T @ parts["key"].weight
        passed = outputs(encoder.model, layer).weight @ parts["value"].weight
        for product, identity, noise in ((alike, 0.7, 0.7), (passed, -0.4, 0.4)):
            rest = product - identity * torch.eye(64)
            assert rest.mean().item() == pytest.approx(0, abs=0.01)
            assert rest.std().item() == pytest.approx(noise / 8, rel=0.05)  # 8 = sqrt(64)


def test_a_head_is_the_best_approximation_of_its_rank(monkeypatch):
    drawn = []

    def noise(*shape):
        drawn.append(torch.empty(shape).normal_())
        return drawn[-1]

    encoder = made(start=False)
    monkeypatch.setattr(torch, "randn", noise)
    start_mimetic(encoder.model, STD)
    parts = projections(encoder.requires_grad_(False).model, 0)
    for head in range(4):
        rows = slice(16 * head, 16 * (head + 1))
        product = parts["query"].weight[rows].T @ parts["key"].weight[rows]
        whole = 0.7 * drawn[head] / 8 + 0.7 * torch.eye(64)
        left_out = torch.linalg.svdvals(whole)[16:]
        assert torch.linalg.norm(whole - product).item() == pytest.approx(
            left_out.norm().item(), rel=1e-4
        )


def nearness(encoder):
    """How much more a token attends to its neighbours than to what is far, in the first layer."""
    ids = torch.randint(5, 50, (8, 32), generator=torch.Generator().manual_seed(1))
    encoder.model.set_attn_implementation("eager")
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    weights = encoder.model(**inputs, output_attentions=True).attentions[0].mean(dim=(0, 1))
    far = (torch.arange(32)[:, None] - torch.arange(32)).abs()
    return (weights[far == 1].mean() / weights[far > 8].mean()).item()


@pytest.mark.parametrize("model_type", ["bert", "roberta", "electra", "distilbert"])
def test_a_token_looks_around(model_type):
    assert nearness(made(False, model_type)) == pytest.approx(1, abs=0.1)
    assert nearness(made(True, model_type)) > 2


def test_the_row_of_padding_stays_as_it_is():
    table = positions(made(model_type="roberta").model)
    assert table.padding_idx == 0
    assert not table.weight[0].any()
    assert table.weight[1:].std().item() == pytest.approx(2 * STD, rel=0.2)


def test_an_encoder_without_a_table_of_positions_is_refused():
    encoder = made(False, "modernbert")
    with pytest.raises(UserError, match=r"ModernBertModel has not: set teacher\.pretrain\.start="):
        start_mimetic(encoder.model, STD)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_the_neighbour_tells_is_learnt_sooner(seed):
    """Tokens come in pairs that belong together; random weights take longer to see that."""

    def loss_after(start, steps=200):
        encoder = made(start)
        model = MaskedLMModel(encoder)
        draw = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(steps):
            common = torch.rand((16, 16, 1), generator=draw).square()  # some are, some are not
            first = 2 + (24 * common).long()
            ids = torch.cat([first, 51 - first], dim=2).flatten(1)
            places = torch.rand(ids.shape, generator=draw) < 0.15
            text = Tokens(ids.masked_fill(places, 1), torch.full((16,), 32))
            batch = Batch("text", *3 * [torch.arange(16)], joint=text, places=places)
            words = model(batch, frozenset({"words"})).part("words")
            loss = F.cross_entropy(words, ids[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    assert loss_after(True) < loss_after(False) - 1
