"""Sizes under the names of BERT, and back."""

import pytest
from transformers import DistilBertConfig

from kdlight.models.field_names import own, usual
from kdlight.models.pretrained import random_model


def test_distilbert_has_names_of_its_own():
    theirs = {"model_type": "distilbert", "dim": 8, "n_heads": 2, "n_layers": 3, "hidden_dim": 12}
    plain = usual(theirs)
    assert plain == {
        "model_type": "distilbert",
        "hidden_size": 8,
        "num_attention_heads": 2,
        "num_hidden_layers": 3,
        "intermediate_size": 12,
    }
    assert usual(plain) == plain
    assert own(plain) == theirs
    config = random_model(plain, 40, 0, "mean").config
    assert isinstance(config, DistilBertConfig)
    assert (config.dim, config.n_heads, config.n_layers, config.hidden_dim) == (8, 2, 3, 12)


@pytest.mark.parametrize("model_type", ["bert", "xlnet"])
def test_others_keep_theirs(model_type):
    shape = {"model_type": model_type, "dim": 8, "n_layer": 3}
    assert usual(shape) == {"model_type": model_type, "dim": 8, "num_hidden_layers": 3}
    assert own(shape) == shape
