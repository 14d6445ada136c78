"""What is handed to the optimizer."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from kdlight.methods.finetune import Finetune
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import PretrainedEncoder
from kdlight.types import UserError


def finetune(encoder=None, **options):
    encoder = encoder or BiLSTMEncoder(nn.Embedding(40, 6), hidden=4)
    return Finetune(
        model=MultiTaskModel(encoder, LinearHead, {"demo": (2, False)}),
        metrics={"demo": (["accuracy"], 2)},
        optimizer=partial(torch.optim.Adadelta, lr=1.0),
        schedule=lambda optimizer, _: torch.optim.lr_scheduler.ConstantLR(optimizer),
        total_steps=30,
        seed=0,
        **options,
    )


@pytest.mark.parametrize(
    ("mode", "frozen"), [("static", 1), ("non-static", 0), ("multichannel", 1)]
)
def test_frozen_tables_have_no_part_in_the_optimizer(mode, frozen, make_batch):
    encoder = BiLSTMEncoder(TokenEmbeddings(40, 0, 6, mode), hidden=4)
    module = finetune(encoder)
    module._trainer = SimpleNamespace(gradient_clip_val=None)
    optimizer = module.configure_optimizers()["optimizer"]
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    tables = [m.weight for m in module.modules() if isinstance(m, nn.Embedding)]
    left_out = [table for table in tables if id(table) not in given]
    assert len(left_out) == frozen
    assert len(given) == len(list(module.parameters())) - frozen
    module.loss(make_batch([3, 2]))[0].backward()
    optimizer.step()
    assert all(table.grad is None and table not in optimizer.state for table in left_out)


@pytest.mark.parametrize("weights", [{"other": 1.0}, {"demo": -0.5}])
def test_a_weight_for_no_task_and_one_below_zero_are_refused(weights):
    with pytest.raises(UserError, match=r"task_weights.*demo"):
        finetune(task_weights=weights)


def test_the_loss_of_a_task_is_weighed(make_batch):
    """Twice the weight, twice the gradient."""
    gradients = []
    for weights in ({}, {"demo": 2.0}):
        torch.manual_seed(0)
        module = finetune(task_weights=weights).eval()
        module._trainer = SimpleNamespace(world_size=1)
        module.training_step(make_batch([3, 2]), 0).backward()
        gradients.append(module.model.heads["demo"].output.weight.grad)
    torch.testing.assert_close(2 * gradients[0], gradients[1])


def test_attention_is_plain_where_a_processor_trains(make_batch, tmp_path):
    """It computes the same, and the saved model knows nothing of it."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        initializer_range=0.3,
    )
    module = finetune(PretrainedEncoder(BertModel(config), "mean"))
    body, batch = module.model.encoder, make_batch([5, 2, 9])
    with torch.no_grad():
        before = body.eval()(batch)
        assert body.model.config._attn_implementation == "sdpa"
        module.on_fit_start()
        assert body.model.config._attn_implementation == "eager"
        torch.testing.assert_close(body(batch), before)
    body.model.save_pretrained(tmp_path)
    assert BertModel.from_pretrained(tmp_path).config._attn_implementation == "sdpa"
