"""Stage: trains an encoder on plain text, from random weights, to fill masked tokens in."""

import json
from functools import partial
from pathlib import Path

import lightning as L

from kdlight.data.masking import read_masking
from kdlight.methods.masked_lm import MaskedLM
from kdlight.models.masked_lm import MaskedLMModel
from kdlight.models.mimetic import start_mimetic
from kdlight.models.pretrained import random_encoder
from kdlight.stages.on_text import learn
from kdlight.types import StageSpec, settings_of


def run(spec: StageSpec) -> None:
    """Writes a Hugging Face folder `encoder/` with its tokenizer, and the head over words."""
    config, tokenizer = spec.config, Path(spec.inputs["tokenizer"])
    masking = read_masking(tokenizer, config["share"])
    pad = json.loads((tokenizer / "special.json").read_text())["pad"]
    L.seed_everything(config["seed"], verbose=False)
    with settings_of("teacher.shape"):
        encoder = random_encoder(
            config["shape"], masking.vocabulary, pad, "mean", config["embedding_std"]
        )
        if config["start"] == "mimetic":
            start_mimetic(encoder.model, config["embedding_std"])
    learn(spec, MaskedLMModel(encoder), partial(MaskedLM, masking=masking))
