"""Any Hugging Face encoder as the body of a teacher or a student."""

import sys
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import MODEL_MAPPING, AutoConfig, AutoModel
from transformers.utils import logging as transformers_logging

from kdlight.models.attention import recorded
from kdlight.models.dropout import with_fast_dropout
from kdlight.models.field_names import own
from kdlight.models.mimetic import positions
from kdlight.models.probabilities import give_probabilities
from kdlight.types import Batch, Shape, Tokens, UserError

# Loading a model folder takes less time than its progress bar is worth.
transformers_logging.disable_progress_bar()

POOLINGS = ("cls", "mean", "pooler", "segments")


class PretrainedEncoder(nn.Module):
    """A Hugging Face encoder over joined text, pooled to one vector a row.

    Args:
        model: the encoder; its `last_hidden_state` is [batch seq hidden].
        pooling: `cls` (first token), `mean` (over real tokens), `pooler` (the model's own) or
            `segments` (the means u and v of both texts of a pair: `[u, v, |u - v|, u * v]`).
    """

    reads = frozenset({"joint"})
    provides = frozenset({"logits", "hidden_states", "attentions", "relations"})
    relation_layer = -1  # whose queries, keys and values `relations` holds; from the end

    def __init__(self, model: Any, pooling: str = "cls") -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise UserError(f"pooling={pooling} is not one of {', '.join(POOLINGS)}")
        with_fast_dropout(model)
        self.model, self.pooling = model, pooling
        self.types: int = getattr(model.config, "type_vocab_size", 0)

    @property
    def embeddings(self) -> nn.Embedding:
        """The table of its tokens."""
        return self.model.get_input_embeddings()

    def attend_plainly(self) -> None:
        """Training on a processor by matrix products; PyTorch's fused attention takes longer there.

        A training step of 4 layers of 312 takes 0.9 of the time with dropout, 0.7 to 0.8 without.
        """
        known = hasattr(sys.modules[type(self.model).__module__], "eager_attention_forward")
        if known and self.model.config._attn_implementation == "sdpa":
            self.model.set_attn_implementation("eager")

    def num_features(self, pair: bool) -> int:
        """Width of the features."""
        width = int(self.model.config.hidden_size)
        return 4 * width if pair and self.pooling == "segments" else width

    @property
    def token_features(self) -> int:
        """Width of a token's features."""
        return int(self.model.config.hidden_size)

    @property
    def shape(self) -> Shape:
        """Layers, width and heads."""
        config = self.model.config
        return Shape(config.num_hidden_layers, config.hidden_size, config.num_attention_heads)

    def forward(self, batch: Batch, tokens: bool = False) -> Tensor:
        """Pooled features, [batch hidden], or those of all tokens, [batch seq hidden]."""
        output = self.model(**self._inputs(_joined(batch)))
        return output.last_hidden_state if tokens else self._pooled(_joined(batch), output)

    def with_parts(
        self, batch: Batch, needs: frozenset[str], tokens: bool = False
    ) -> tuple[Tensor, dict[str, Any]]:
        """Features, and the states, attentions or relations in `needs` by name."""
        if "relations" in needs:
            with recorded(self.model, self.relation_layer) as vectors:
                features, parts = self.with_parts(batch, needs - {"relations"}, tokens)
            return features, parts | {"relations": vectors}
        if "attentions" in needs:
            give_probabilities(self.model)
        options = {f"output_{name}": True for name in needs}
        output = self.model(**self._inputs(_joined(batch)), **options)
        pooled = output.last_hidden_state if tokens else self._pooled(_joined(batch), output)
        return pooled, {name: output[name] for name in needs}

    def parts(self, batch: Batch, needs: frozenset[str]) -> dict[str, Any]:
        """What `with_parts` gives but the features; the pass ends where relations alone are had."""
        if needs != {"relations"}:
            return self.with_parts(batch, needs)[1]
        with recorded(self.model, self.relation_layer, alone=True) as vectors:
            self.model(**self._inputs(_joined(batch)))
        return {"relations": vectors}

    def _pooled(self, text: Tokens, output: Any) -> Tensor:
        states: Tensor = output.last_hidden_state
        if self.pooling == "pooler":
            return output.pooler_output
        if self.pooling == "cls":
            return states[:, 0]
        types = text.token_type_ids
        if self.pooling == "segments" and types is not None and bool(types.any()):  # a pair
            second = text.mask & (types != 0)
            u, v = _mean(states, text.mask & ~second), _mean(states, second)
            return torch.cat([u, v, (u - v).abs(), u * v], dim=1)
        return _mean(states, text.mask)

    def _inputs(self, text: Tokens) -> dict[str, Tensor]:
        inputs = {"input_ids": text.input_ids, "attention_mask": text.mask.long()}
        if self.types > 1 and text.token_type_ids is not None:
            inputs["token_type_ids"] = text.token_type_ids
        return inputs


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens in `mask`: [batch seq hidden] and [batch seq] to [batch hidden]."""
    weights = mask[:, :, None].to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def _joined(batch: Batch) -> Tokens:
    if batch.joint is None:
        raise ValueError("the batch has no joined text")
    return batch.joint


def longest_text(encoder: PretrainedEncoder) -> int | None:
    """Tokens that its table of positions can tell apart; None where it has no such table."""
    table = positions(encoder.model)
    if table is None:
        return None
    return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)


def load_encoder(folder: Path, pooling: str) -> PretrainedEncoder:
    """The encoder of a model folder, in fp32; nothing is fetched and no remote code is run.

    Raises:
        UserError: if the folder cannot be loaded or lacks weights of its own architecture.
    """
    level = transformers_logging.get_verbosity()
    # Its report of left-out weights (a pooler, another head) would be read as a fault; weights
    # that are missing are one, and are checked here.
    transformers_logging.set_verbosity_error()
    try:
        model, report = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            **_extra(folder, pooling),
        )
    except UserError:
        raise
    except Exception as error:  # of half a dozen libraries
        reason = str(error).strip().split("\n")[0]
        if "mismatched" in reason:
            reason = "its weights have other shapes than its config.json says"
        raise UserError(f"The model folder {folder} cannot be loaded ({reason}).") from error
    finally:
        transformers_logging.set_verbosity(level)
    if missing := sorted(
        k for k in report["missing_keys"] if pooling == "pooler" or "pooler." not in k
    ):
        raise UserError(
            f"The model folder {folder} lacks {len(missing)} weights of its architecture, "
            f"such as {missing[0]}: it is incomplete or belongs to another architecture."
        )
    return PretrainedEncoder(model, pooling)


def random_model(shape: dict[str, Any], vocabulary: int, pad: int, pooling: str) -> Any:
    """A model with random weights; `shape` holds the fields of its Hugging Face configuration."""
    config = AutoConfig.for_model(**{**own(shape), "vocab_size": vocabulary, "pad_token_id": pad})
    return AutoModel.from_config(config, **_extra(config, pooling))


def random_encoder(
    shape: dict[str, Any], vocabulary: int, pad: int, pooling: str, embedding_std: float
) -> PretrainedEncoder:
    """A small encoder with random weights, those of its words as wide as `embedding_std` says."""
    model = random_model(shape, vocabulary, pad, pooling)
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0, embedding_std)
        model.get_input_embeddings().weight[pad] = 0
    return PretrainedEncoder(model, pooling)


def load_head(folder: Path) -> dict[str, Tensor]:
    """The classifier of a fine-tuned BERT folder, named as in `LinearHead`."""
    found: dict[str, Tensor] = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            for key in set(file.keys()) & {"classifier.weight", "classifier.bias"}:
                found[key.replace("classifier", "output")] = file.get_tensor(key)
    if len(found) < 2:
        raise UserError(f"The model folder {folder} lacks the weights of its classifier.")
    return found


def _extra(source: Any, pooling: str) -> dict[str, Any]:
    """The model's pooling layer only where it is used, in architectures that have one."""
    config = source
    if isinstance(source, Path):
        config = AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
    has_pooler = "add_pooling_layer" in signature(MODEL_MAPPING[type(config)].__init__).parameters
    if pooling == "pooler" and not has_pooler:
        raise UserError(f"A {config.model_type} has no pooler: set teacher.pooling=cls or mean.")
    return {"add_pooling_layer": pooling == "pooler"} if has_pooler else {}
