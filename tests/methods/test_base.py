"""What is handed to the optimizer."""

from functools import partial

import pytest
import torch
from torch import nn

from kdlight.methods.finetune import Finetune
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel


@pytest.mark.parametrize(
    ("mode", "frozen"), [("static", 1), ("non-static", 0), ("multichannel", 1)]
)
def test_frozen_tables_have_no_part_in_the_optimizer(mode, frozen, make_batch):
    encoder = BiLSTMEncoder(TokenEmbeddings(40, 0, 6, mode), hidden=4)
    module = Finetune(
        model=MultiTaskModel(encoder, LinearHead, {"demo": (2, False)}),
        metrics={"demo": (["accuracy"], 2)},
        optimizer=partial(torch.optim.Adadelta, lr=1.0),
        schedule=lambda optimizer, _: torch.optim.lr_scheduler.ConstantLR(optimizer),
        total_steps=3,
        seed=0,
    )
    optimizer = module.configure_optimizers()["optimizer"]
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    tables = [m.weight for m in module.modules() if isinstance(m, nn.Embedding)]
    left_out = [table for table in tables if id(table) not in given]
    assert len(left_out) == frozen
    assert len(given) == len(list(module.parameters())) - frozen
    module.loss(make_batch([3, 2]))[0].backward()
    optimizer.step()
    assert all(table.grad is None and table not in optimizer.state for table in left_out)
