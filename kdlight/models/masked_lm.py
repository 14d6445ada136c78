"""An encoder that fills masked tokens in (BERT, Devlin et al. 2019)."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import PretrainedEncoder
from kdlight.models.word_heads import FILE, word_head
from kdlight.types import Batch, ModelOutput

WORDS = frozenset({"words"})


class WordHead(nn.Module):
    """From states to words: one layer, then the table of the encoder's own words.

    Shapes: [places hidden] to [places vocabulary].
    """

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(hidden, hidden), nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, states: Tensor, table: Tensor) -> Tensor:
        """Logits over the words of `table`, [vocabulary hidden]."""
        return F.linear(self.norm(F.gelu(self.dense(states))), table, self.bias)


class MaskedLMModel(MultiTaskModel):
    """An encoder without tasks, and a head that says which word stood at a place."""

    def __init__(self, encoder: PretrainedEncoder) -> None:
        super().__init__(encoder, lambda *_: nn.Identity(), {})
        table: Any = encoder.embeddings.weight
        self.words = WordHead(table.shape[1], table.shape[0])

    @property
    def provides(self) -> frozenset[str]:
        """What the encoder gives, and words."""
        return self.encoder.provides | WORDS

    def forward(self, batch: Batch, needs: frozenset[str] = WORDS) -> ModelOutput:
        """The parts in `needs`; `words` are logits at the batch's `places`."""
        if not needs & WORDS:
            return super().forward(batch, needs)
        parts = self.encoder.with_parts(batch, needs - WORDS | {"hidden_states"})[1]
        states: Tensor = parts["hidden_states"][-1]
        words = self.words(states[batch.places], self.encoder.embeddings.weight)
        return ModelOutput(**{name: parts[name] for name in needs - WORDS}, words=words)


def save_words(model: MaskedLMModel, out: Path) -> None:
    """Writes the head beside its encoder."""
    save_file({k: v.contiguous() for k, v in model.words.state_dict().items()}, out / FILE)


def with_words(encoder: PretrainedEncoder, folder: Path) -> MultiTaskModel:
    """The encoder with the head over words that lies in `folder`, or alone if none does."""
    places = word_head(folder)
    if not places:
        return MultiTaskModel(encoder, lambda *_: nn.Identity(), {})
    model = MaskedLMModel(encoder)
    weights = {}
    for name, (path, key) in places.items():
        with safe_open(path, framework="pt") as file:
            weights[name] = file.get_tensor(key)
    model.words.load_state_dict(weights)
    if not (folder / FILE).is_file():  # that of another library, as the encoder is
        model.words.norm.eps = getattr(encoder.model.config, "layer_norm_eps", 1e-12)
    return model
