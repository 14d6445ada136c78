"""Masked tokens: the right share, the right kinds, the same on held-out text, and learnt from."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from kdlight.data.masking import Masking
from kdlight.losses.words import MaskedWords, WordDistribution
from kdlight.methods.masked_lm import MaskedLM
from kdlight.methods.schedules import constant
from kdlight.models.masked_lm import MaskedLMModel, WordHead
from kdlight.models.pretrained import random_encoder
from kdlight.types import Batch, ModelOutput, Tokens, UserError

SHAPE = {
    "model_type": "bert", "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 64,
}  # fmt: skip
WORDS, MASK, SPECIAL = 50, 4, [0, 1, 2, 3, 4]


@pytest.fixture
def module():
    torch.manual_seed(0)
    model = MaskedLMModel(random_encoder(SHAPE, WORDS, 0, "mean", 0.1))
    optimizer = partial(torch.optim.AdamW, lr=1e-2)
    return MaskedLM(
        model=model, masking=Masking(MASK, SPECIAL, WORDS), metrics={}, optimizer=optimizer,
        schedule=constant, total_steps=10, seed=0,
    )  # fmt: skip


def blocks(rows=64, seq=40):
    ids = torch.randint(5, WORDS, (rows, seq), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -1] = 2, 3
    numbers = torch.arange(rows)
    text = Tokens(ids, torch.full((rows,), seq), torch.zeros_like(ids))
    return Batch("text", numbers, numbers, torch.full((rows,), np.nan), (), text)


def test_fifteen_percent_are_chosen_and_most_of_them_hidden(module):
    batch = blocks()
    module.on_train_batch_start(batch, 3)
    hidden = module.hidden(batch)
    ids, places = hidden.joint.input_ids, hidden.places
    assert torch.equal(hidden.words, batch.joint.input_ids[places])
    assert torch.equal(ids[~places], batch.joint.input_ids[~places])
    assert not places[:, [0, -1]].any()
    chosen = places.sum().item() / (places.numel() - 2 * len(places))
    assert chosen == pytest.approx(0.15, abs=0.03)
    masked = (ids[places] == MASK).float().mean().item()
    kept = (ids[places] == batch.joint.input_ids[places]).float().mean().item()
    assert masked == pytest.approx(0.8, abs=0.08)
    assert kept == pytest.approx(0.1 + 0.1 / WORDS, abs=0.06)


def test_a_step_draws_anew_and_a_resumed_one_the_same(module):
    batch = blocks()
    drawn = []
    for step in (3, 4, 3):
        module.on_train_batch_start(batch, step)
        drawn.append(module.hidden(batch).places)
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    module.eval()
    found = []
    for _ in range(2):
        module.validation_step(batch, 0)
        found.append({name: float(mean.compute()) for name, mean in module.held_out.items()})
    first, second = found
    assert first == second
    assert set(first) == {"loss", "accuracy"}


def test_something_is_always_to_be_filled_in():
    text = blocks(1, 4)
    found = Masking(MASK, SPECIAL, WORDS, share=0.0)(text, torch.Generator())
    assert found.places.sum() == len(found.words) == 1


def test_the_loss_is_the_cross_entropy_of_the_tied_head(module):
    batch = blocks(4)
    module.eval()
    module.on_train_batch_start(batch, 0)
    loss, parts = module.loss(batch)
    module.on_train_batch_start(batch, 0)
    hidden = module.hidden(batch)
    ids, places = hidden.joint.input_ids, hidden.places
    model = module.model
    states = model.encoder.model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    words = model.words
    table = model.encoder.model.get_input_embeddings().weight
    logits = words.norm(F.gelu(words.dense(states[places]))) @ table.T + words.bias
    expected = F.cross_entropy(logits, batch.joint.input_ids[places])
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(parts["words"], expected.detach())


def test_a_loss_that_is_not_finite_is_no_score(module, monkeypatch):
    monkeypatch.setattr(MaskedLM, "trainer", SimpleNamespace(global_step=4), raising=False)
    nothing = {"loss": torch.tensor(torch.nan), "accuracy": torch.tensor(0.0)}
    monkeypatch.setattr(module, "judge", lambda _: nothing)
    with pytest.raises(UserError, match="held-out text is nan after step 4: lower"):
        module.validation_step(blocks(), 0)


def test_the_head_is_that_of_bert():
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertLMPredictionHead

    torch.manual_seed(0)
    theirs = BertLMPredictionHead(BertConfig(hidden_size=16, vocab_size=WORDS, layer_norm_eps=1e-5))
    ours = WordHead(16, WORDS)
    with torch.no_grad():
        ours.dense.load_state_dict(theirs.transform.dense.state_dict())
        ours.norm.load_state_dict(theirs.transform.LayerNorm.state_dict())
        ours.bias.copy_(theirs.decoder.bias.normal_())
    states = torch.randn(7, 16)
    torch.testing.assert_close(ours(states, theirs.decoder.weight), theirs(states))


def test_losses_over_words_are_those_of_torch():
    torch.manual_seed(0)
    student, teacher = (ModelOutput(words=torch.randn(6, 9)) for _ in range(2))
    batch = blocks(1)
    batch = Batch("text", batch.rows, batch.ids, batch.labels, words=torch.arange(6))
    truth = MaskedWords()(student, None, batch)
    torch.testing.assert_close(truth, F.cross_entropy(student.words, torch.arange(6)))
    soft = [torch.distributions.Categorical(logits=o.words / 3) for o in (teacher, student)]
    expected = 9 * torch.distributions.kl_divergence(*soft).mean()
    torch.testing.assert_close(WordDistribution(3.0)(student, teacher, batch), expected)
