"""Any Hugging Face encoder as the body of a teacher."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils import logging as transformers_logging

from kdlight.types import Batch, Tokens, UserError

# Loading a model folder takes less time than its progress bar is worth.
transformers_logging.disable_progress_bar()


class PretrainedEncoder(nn.Module):
    """A Hugging Face encoder over joined text, pooled to one vector a row.

    Args:
        model: the encoder; its `last_hidden_state` is [batch seq hidden].
        pooling: `cls` (first token) or `mean` (over real tokens).
    """

    reads = frozenset({"joint"})
    provides = frozenset({"logits"})

    def __init__(self, model: Any, pooling: str = "cls") -> None:
        super().__init__()
        if pooling not in ("cls", "mean"):
            raise ValueError(f"pooling={pooling} is not one of cls, mean")
        self.model, self.pooling = model, pooling
        self.types: int = getattr(model.config, "type_vocab_size", 0)

    def num_features(self, pair: bool) -> int:
        """Width of the pooled vector, the same for a text and a pair."""
        del pair
        return int(self.model.config.hidden_size)

    def forward(self, batch: Batch) -> Tensor:
        """Pooled features, [batch hidden]."""
        text = batch.joint
        if text is None:
            raise ValueError("the batch has no joined text")
        states = self.model(**self._inputs(text)).last_hidden_state
        if self.pooling == "cls":
            return states[:, 0]
        mask = text.mask[:, :, None].to(states.dtype)
        return (states * mask).sum(dim=1) / mask.sum(dim=1)

    def _inputs(self, text: Tokens) -> dict[str, Tensor]:
        inputs = {"input_ids": text.input_ids, "attention_mask": text.mask.long()}
        if self.types > 1 and text.token_type_ids is not None:
            inputs["token_type_ids"] = text.token_type_ids
        return inputs


def load_encoder(folder: Path, pooling: str) -> PretrainedEncoder:
    """The encoder of a model folder, in fp32; nothing is fetched and no remote code is run.

    Raises:
        UserError: if the folder lacks weights of its own architecture.
    """
    level = transformers_logging.get_verbosity()
    # Its report of left-out weights (a pooler, another head) would be read as a fault; weights
    # that are missing are one, and are checked here.
    transformers_logging.set_verbosity_error()
    try:
        model, report = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=True,
            **_extra(folder),
        )
    finally:
        transformers_logging.set_verbosity(level)
    if missing := sorted(report["missing_keys"]):
        raise UserError(
            f"The model folder {folder} lacks {len(missing)} weights of its architecture, "
            f"such as {missing[0]}: it is incomplete or belongs to another architecture."
        )
    return PretrainedEncoder(model, pooling)


def random_encoder(
    shape: dict[str, Any], vocabulary: int, pad: int, pooling: str, embedding_std: float
) -> PretrainedEncoder:
    """A small encoder with random weights; `shape` holds the fields of its Hugging Face config."""
    config = AutoConfig.for_model(**shape, vocab_size=vocabulary, pad_token_id=pad)
    model = AutoModel.from_config(config, **_extra(config))
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0, embedding_std)
        model.get_input_embeddings().weight[pad] = 0
    return PretrainedEncoder(model, pooling)


def _extra(source: Any) -> dict[str, Any]:
    """No pooler where the architecture has one, since the pooling is ours."""
    kind = (
        json.loads((source / "config.json").read_text())["model_type"]
        if isinstance(source, Path)
        else source.model_type
    )
    return {"add_pooling_layer": False} if kind in ("bert", "roberta", "xlm-roberta") else {}
