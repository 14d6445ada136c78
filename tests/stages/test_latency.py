"""The forward passes that latency times."""

import pytest
import torch

from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import random_encoder
from kdlight.stages.latency import _call

SHAPE = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2,
         "intermediate_size": 8, "max_position_embeddings": 40}  # fmt: skip


@pytest.mark.parametrize("pair", [False, True])
def test_a_pair_is_a_pair_to_a_network_that_tells_its_texts_apart(pair):
    encoder = random_encoder(SHAPE, 30, 0, "segments", 0.02)
    model = MultiTaskModel(encoder, LinearHead, {"demo": (2, pair)}).eval()
    config = {"length": 9, "pair": pair, "vocabulary": 30, "task": "demo"}
    seen = []
    encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].joint))
    _call(model, config, 3, "cpu")()
    assert seen[0].token_type_ids.sum(dim=1).tolist() == [6 if pair else 0] * 3
    assert torch.equal(seen[0].lengths, torch.full((3,), 12 if pair else 11))
