"""Attention probabilities as a network computes them, whatever its dropout leaves of them."""

import sys
from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from kdlight.types import UserError

NAME = "kdlight_eager"


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Any, **options: Any
) -> tuple[Tensor, Tensor]:
    """An architecture's own plain attention: its output, and probabilities without dropout.

    In training Hugging Face's gives back what dropout has left of the probabilities and scaled up:
    noise, of which a loss would learn that no attention is right.

    Shapes: output [batch seq heads width], probabilities [batch heads seq seq].
    """
    eager = sys.modules[type(module).__module__].eager_attention_forward
    dropout = options.pop("dropout", 0.0)
    output, probabilities = eager(module, query, key, value, mask, dropout=0.0, **options)
    if module.training and dropout:
        output, _ = eager(module, query, key, value, mask, dropout=dropout, **options)
    return output, probabilities


def give_probabilities(model: Any) -> None:
    """Makes a Hugging Face encoder give its attention probabilities where it is asked for them.

    Raises:
        UserError: for one in training that has them only behind its dropout.
    """
    config = model.config
    if hasattr(sys.modules[type(model).__module__], "eager_attention_forward"):
        if config._attn_implementation != NAME:
            AttentionInterface.register(NAME, attend)
            AttentionMaskInterface.register(NAME, eager_mask)
            model.set_attn_implementation(NAME)
    elif model.training and getattr(config, "attention_probs_dropout_prob", 0):
        raise UserError(
            f"A {type(model).__name__} tells its attention only behind dropout, where no loss can "
            "learn from it: set +student.encoder.shape.attention_probs_dropout_prob=0."
        )
