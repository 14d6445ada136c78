"""What the stages that learn from plain text share."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from hydra.utils import instantiate

from kdlight.data.blocks import HELD, MOST_HELD, TRAIN, Blocks
from kdlight.data.datamodule import TaskDataModule
from kdlight.data.mixing import proportional
from kdlight.measure.threads import threads
from kdlight.methods.base import TaskModule
from kdlight.methods.fit import fit, is_first_rank, plan_steps
from kdlight.models.masked_lm import MaskedLMModel, save_words
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import PretrainedEncoder, longest_text
from kdlight.types import StageSpec

TEXT = "text"  # the task that blocks are rows of


def learn(spec: StageSpec, model: MultiTaskModel, make: Callable[..., TaskModule]) -> None:
    """Trains on the corpus; writes a Hugging Face folder `encoder/` with its tokenizer.

    Args:
        spec: of the stage.
        model: the network; the head over words, if it has one, is written beside its encoder.
        make: makes the module from the arguments that every `TaskModule` takes.
    """
    config, out, runtime = spec.config, Path(spec.out), spec.runtime
    corpus, seed = Path(spec.inputs["corpus"]), config["seed"]
    train = {TEXT: Blocks(corpus / TRAIN, TEXT)}
    held = {TEXT: Blocks(corpus / HELD, TEXT, MOST_HELD)}
    data = TaskDataModule(train, held, proportional, config["batch_size"], seed, model.reads)
    data.steps, interval = plan_steps(config["max_steps"], config["evaluations"])
    module = make(
        model=model,
        metrics={},
        optimizer=instantiate(config["optimizer"]),
        schedule=instantiate(config["schedule"]),
        total_steps=data.steps,
        seed=seed,
    )
    with threads(runtime["threads"]):
        best = fit(module, data, out, interval, runtime["title"], runtime)
    if is_first_rank():
        model.load_state_dict(best.weights)
        _save_body(model.encoder, out, Path(spec.inputs["tokenizer"]))
        if isinstance(model, MaskedLMModel):
            save_words(model, out)


def _save_body(encoder: PretrainedEncoder, out: Path, tokenizer: Path) -> None:
    """The encoder, and its tokenizer with no more tokens a text than the encoder can read."""
    encoder.model.save_pretrained(out / "encoder")
    for path in tokenizer.glob("*token*.json"):
        shutil.copyfile(path, out / "encoder" / path.name)
    if most := longest_text(encoder):
        path = out / "encoder/tokenizer_config.json"
        about = json.loads(path.read_text())
        about["model_max_length"] = min(most, about.get("model_max_length", most))
        path.write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n")
