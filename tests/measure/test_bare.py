"""The bare loops do the work they are compared by."""

from collections import deque
from functools import partial

import torch

from kdlight.losses.logits import LogitMSE
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.measure.bare import bare_forward, bare_training
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import ModelOutput


def network():
    torch.manual_seed(0)
    encoder = BiLSTMEncoder(TokenEmbeddings(40, 0, 8), 6)
    return MultiTaskModel(encoder, partial(LinearHead, dropout=0.0), {"demo": (2, False)})


def test_training_lowers_the_loss_and_yields_a_block_at_a_time(make_batch):
    model, batch = network(), make_batch([4, 2, 3])
    target = ModelOutput(logits=torch.ones(3, 2))
    losses = WeightedSum({"mse": LogitMSE()})

    def loss():
        return float(losses(model(batch), target, batch)[0].detach())

    start, table = loss(), model.encoder.embeddings.tables[0].weight.detach().clone()
    steps = bare_training(model, [batch] * 300, [target] * 300, losses, 100)
    assert len(list(steps)) == 3
    assert loss() < 0.9 * start
    moved = (model.encoder.embeddings.tables[0].weight != table).any(dim=1)
    read = set(batch.texts[0].input_ids.flatten().tolist()) - {0}
    assert set(moved.nonzero()[:, 0].tolist()) == read


def test_the_forward_pass_keeps_nothing(make_batch):
    model = network()
    calls = []
    model.register_forward_hook(lambda *args: calls.append(args[2].logits.requires_grad))
    assert len(list(bare_forward(model, [make_batch([2, 1])] * 6, 2, "cpu"))) == 3
    assert calls == [False] * 6


def test_half_is_bf16_autocast(make_batch):
    batch, kinds = make_batch([4, 2, 3]), []

    def loss(ours, *_):
        kinds.append(ours.logits.dtype)
        return ours.logits.float().square().sum(), {}

    for half in (True, False):
        deque(bare_training(network(), [batch], [None], loss, 1, half), maxlen=0)
    assert kinds == [torch.bfloat16, torch.float32]
