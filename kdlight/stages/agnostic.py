"""Stage: a student learns from a frozen teacher on plain text, before it sees any task."""

import json
import logging
from functools import partial
from pathlib import Path

import lightning as L
from hydra.utils import instantiate

from kdlight.data.masking import read_masking
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.models.build import build_student, load_body
from kdlight.models.masked_lm import MaskedLMModel, with_words
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import longest_text
from kdlight.models.transformer import start_embeddings
from kdlight.stages.on_text import TEXT, learn
from kdlight.stages.student import started
from kdlight.teachers.online import OnlineTeacher
from kdlight.types import StageSpec, UserError, settings_of

log = logging.getLogger("kdlight")


def run(spec: StageSpec) -> None:
    """Writes the student as a Hugging Face folder `encoder/`, with the tokenizer of both."""
    config = spec.config
    tokenizer = Path(spec.inputs["tokenizer"])
    special = json.loads((tokenizer / "special.json").read_text())
    L.seed_everything(config["seed"], verbose=False)
    with settings_of("student"):
        student = build_student(config["student"], {}, special["size"], special["pad"])
    student = started(spec, student)
    teacher = _teacher(spec, special["size"])
    if config["embeddings"] == "teacher":
        with settings_of("method.text.embeddings"):
            kept = start_embeddings(student.encoder, teacher.encoder)
        log.info("embeddings start from the teacher's, %.1f%% of their variance", 100 * kept)
    with settings_of("loss"):
        losses = WeightedSum({name: instantiate(term) for name, term in config["loss"].items()})
    masking = None
    if "words" in losses.needs:
        masking = read_masking(tokenizer, config["share"])
        student = MaskedLMModel(student.encoder)
    teachers = OnlineTeacher({TEXT: teacher}, config.get("teacher_precision", "32-true"))
    method = instantiate(config["method"])
    learn(spec, student, partial(method, losses=losses, teacher=teachers, masking=masking))


def _teacher(spec: StageSpec, vocabulary: int) -> MultiTaskModel:
    """The teacher's body; its heads play no part.

    Raises:
        UserError: if it does not know the tokens, or cannot read blocks of this length.
    """
    folder = Path(
        spec.inputs["teacher"] if "teacher" in spec.inputs else spec.runtime["pretrained"]
    )
    body = load_body(folder, "mean")
    known, most = body.embeddings.num_embeddings, longest_text(body)
    if vocabulary > known:
        raise UserError(
            f"The teacher knows {known} tokens, but the tokenizer has {vocabulary}: the two do not "
            "belong together; give another folder (teacher.pretrained=DIR)."
        )
    length = spec.config["length"]
    if most is not None and length > most:
        raise UserError(
            f"data.block_length={length} is more than the {most} tokens that the teacher can read."
        )
    return with_words(body, folder).eval()
