"""Stage: trains an encoder on plain text, from random weights, to fill masked tokens in."""

import json
import shutil
from pathlib import Path
from typing import Any

import lightning as L
from hydra.utils import instantiate

from kdlight.data.blocks import HELD, TRAIN, Blocks
from kdlight.data.datamodule import TaskDataModule
from kdlight.data.masking import read_masking
from kdlight.data.mixing import proportional
from kdlight.measure.threads import threads
from kdlight.methods.fit import fit, is_first_rank, plan_steps
from kdlight.methods.masked_lm import MaskedLM
from kdlight.models.masked_lm import MaskedLMModel, save_words
from kdlight.models.pretrained import random_encoder
from kdlight.types import StageSpec, settings_of

TEXT = "text"


def run(spec: StageSpec) -> None:
    """Writes a Hugging Face folder `encoder/` with its tokenizer, and the head over words."""
    config, out = spec.config, Path(spec.out)
    tokenizer = Path(spec.inputs["tokenizer"])
    masking = read_masking(tokenizer, config["share"])
    pad = json.loads((tokenizer / "special.json").read_text())["pad"]
    L.seed_everything(config["seed"], verbose=False)
    with settings_of("teacher.shape"):
        encoder = random_encoder(
            config["shape"], masking.vocabulary, pad, "mean", config["embedding_std"]
        )
    model = MaskedLMModel(encoder)
    data = text_data(Path(spec.inputs["corpus"]), config, model.reads)
    data.steps, interval = plan_steps(config["max_steps"], config["evaluations"])
    module = MaskedLM(
        model=model,
        masking=masking,
        metrics={},
        optimizer=instantiate(config["optimizer"]),
        schedule=instantiate(config["schedule"]),
        total_steps=data.steps,
        seed=config["seed"],
    )
    with threads(spec.runtime["threads"]):
        best = fit(module, data, out, interval, spec.runtime["title"], spec.runtime)
    if is_first_rank():
        model.load_state_dict(best.weights)
        save_body(encoder.model, out, tokenizer)
        save_words(model, out)


def text_data(corpus: Path, config: dict[str, Any], reads: frozenset[str]) -> TaskDataModule:
    """Blocks to learn from and blocks held out, as batches of a task called `text`."""
    train, held = (Blocks(corpus / name, TEXT) for name in (TRAIN, HELD))
    size, seed = config["batch_size"], config["seed"]
    return TaskDataModule({TEXT: train}, {TEXT: held}, proportional, size, seed, reads)


def save_body(model: Any, out: Path, tokenizer: Path) -> None:
    """Writes `encoder/` as any Hugging Face program loads it, with its tokenizer."""
    model.save_pretrained(out / "encoder")
    for path in tokenizer.glob("*token*.json"):
        shutil.copyfile(path, out / "encoder" / path.name)
