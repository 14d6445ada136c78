"""Stage: trains a student, from a teacher or from gold labels."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from hydra.utils import instantiate

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.encoded import EncodedRows
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.measure.threads import threads
from kdlight.methods.base import DivergedError, TaskModule
from kdlight.methods.fit import fit, is_first_rank, plan_steps
from kdlight.methods.scoring import scoring
from kdlight.models.build import (
    build_student,
    load_body,
    load_student,
    load_teacher,
    part_of,
    save_student,
)
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import load_encoder
from kdlight.models.transformer import start_from
from kdlight.teachers.online import OnlineTeacher
from kdlight.teachers.store import CachedTeacher, check_made_from, made_from
from kdlight.types import Output, StageSpec, TeacherSource, UserError, settings_of

log = logging.getLogger("kdlight")
DIVERGED = "diverged.json"
WINDOW = 512  # batches cut from one lot of rows


@dataclass(frozen=True, slots=True)
class Prepared:
    """A student before its first step; `outputs` are those of its tasks."""

    module: TaskModule
    data: TaskDataModule
    interval: int
    outputs: dict[str, Output]


def run(spec: StageSpec) -> None:
    """Trains on the transfer set and keeps the best weights on the selection rows.

    Of one that diverges there is only the reason (`diverged.json`), if it is one of several rates
    (`candidate`).

    Raises:
        DivergedError: if it is alone.
    """
    ready = prepare(spec)
    out, runtime = Path(spec.out), spec.runtime
    if is_first_rank():
        (out / DIVERGED).unlink(missing_ok=True)  # of one that was killed
    try:
        with threads(runtime["threads"]):
            best = fit(ready.module, ready.data, out, ready.interval, runtime["title"], runtime)
    except DivergedError as error:
        if not spec.config.get("candidate"):
            raise
        reason = str(error.__cause__)  # which says nothing of a checkpoint: none is kept here
        log.warning("%s: %s Another rate is to do better.", runtime["title"], reason)
        if is_first_rank():
            (out / DIVERGED).write_text(json.dumps({"reason": reason}))
        return
    if is_first_rank():
        ready.module.model.load_state_dict(best.weights)
        save_student(ready.module.model, out, spec.config["student"], ready.outputs)


def prepare(spec: StageSpec) -> Prepared:
    """Builds the network, its teacher, its rows and the plan of its steps."""
    config = spec.config
    special = json.loads((Path(spec.inputs["tokenizer"]) / "special.json").read_text())
    outputs = {task: Output.of(about) for task, about in config["tasks"].items()}
    table = None
    if "table" in spec.inputs:
        table = torch.from_numpy(np.load(Path(spec.inputs["table"]) / "table.npy"))
    L.seed_everything(config["seed"], verbose=False)
    if "start" in spec.inputs:  # a student that goes on brings its table
        head = instantiate(config["student"]["head"])
        model = part_of(load_student(Path(spec.inputs["start"])), outputs, head)
    else:
        with settings_of("student"):
            sizes = special["size"], special["pad"]
            model = started(spec, build_student(config["student"], outputs, *sizes, table))
    teacher = _teacher(spec) if config["teacher_source"] else None
    train = {task: _transfer(spec, task, model, teacher) for task in config["tasks"]}
    held = {
        task: EncodedRows(Path(spec.inputs[f"tokens/{task}"]) / "selection", task)
        for task in config["tasks"]
    }
    data = TaskDataModule(
        train,
        held,
        instantiate(config["mixing"]),
        config["batch_size"],
        config["seed"],
        model.reads | (teacher.reads if teacher else frozenset()),
        labelled_only=teacher is None,
        window=WINDOW,
    )
    # Every arm makes the same number of updates, whether it may use all rows or the labelled.
    epoch = -(-sum(len(part) for part in data.train.values()) // config["batch_size"])
    steps = config["max_steps"] or max(config["max_epochs"] * epoch, config.get("min_steps", 0))
    data.steps, interval = plan_steps(steps, config["evaluations"])
    return Prepared(_module(config, model, teacher, held, data.steps), data, interval, outputs)


def started(spec: StageSpec, model: MultiTaskModel) -> MultiTaskModel:
    """The network with the weights it starts from.

    Those of a distilled body (`body`), or layers of a Transformer (`layers`).
    """
    if "body" in spec.inputs:
        body = load_body(Path(spec.inputs["body"]), model.encoder.pooling)
        model.encoder.load_state_dict(body.state_dict())
        return model
    layers: Any = (spec.config["student"].get("start") or {}).get("layers")
    if "layers" in spec.inputs:
        folder = Path(spec.inputs["layers"])
        taught = (folder / "model.json").exists()  # else a body without tasks
        teacher = load_teacher(folder).encoder if taught else load_body(folder, "mean")
    elif "layers" in spec.runtime:
        teacher = load_encoder(Path(spec.runtime["layers"]), model.encoder.pooling)
    else:
        return model
    with settings_of("student.start"):
        start_from(model.encoder, teacher, layers)
    return model


def _module(
    config: dict[str, Any],
    model: MultiTaskModel,
    teacher: TeacherSource | None,
    held: dict[str, EncodedRows],
    steps: int,
) -> TaskModule:
    tasks: dict[str, Any] = config["tasks"]
    common: dict[str, Any] = {
        "model": model,
        "metrics": {t: scoring(a).scores(a, held[t]) for t, a in tasks.items()},
        "optimizer": instantiate(config["optimizer"]),
        "schedule": instantiate(config["schedule"]),
        "total_steps": steps,
        "seed": config["seed"],
    }
    method = instantiate(config["method"])
    if teacher is not None:
        with settings_of("loss"):
            losses = {name: instantiate(term) for name, term in config["loss"].items()}
            common |= {"losses": WeightedSum(losses), "teacher": teacher}
    module: TaskModule = method(**common)
    return module


def _transfer(
    spec: StageSpec, task: str, model: MultiTaskModel, teacher: TeacherSource | None
) -> EncodedRows:
    """The transfer set in the student's tokens, and for a live teacher in the teacher's."""
    folder = Path(spec.inputs[f"transfer/{task}"])
    theirs = Path(spec.inputs.get(f"teacher_transfer/{task}", folder))
    keep_labels = spec.config["keep_labels"]
    if teacher is None or theirs == folder or "joint" not in teacher.reads:
        return EncodedRows(folder / "transfer", task, keep_labels)
    if "joint" in model.reads:
        raise UserError(
            "This student and a live teacher want the joined text each in its own tokens: set "
            "teacher.source=stored, or student/tokenizer=pieces."
        )
    joint = EncodedRows(theirs / "transfer", task)
    return EncodedRows(folder / "transfer", task, keep_labels, joint)


def _teacher(spec: StageSpec) -> TeacherSource:
    """The live network, or the store after a check of where it comes from."""
    if spec.config["teacher_source"] == "live":
        loaded = {f: load_teacher(Path(f)) for f in set(_roles(spec, "teacher/").values())}
        models = {t: loaded[f] for t, f in _roles(spec, "teacher/").items()}
        return OnlineTeacher(models, spec.config.get("teacher_precision", "32-true"))
    folders = {task: Path(spec.inputs[f"teacher_outputs/{task}"]) for task in spec.config["tasks"]}
    for task, folder in folders.items():
        tokens = Path(spec.inputs[f"teacher_transfer/{task}"])
        check_made_from(folder, {"tokens": tokens.name})
        # Whatever tokens the student reads, they are those of the same text.
        student = Path(spec.inputs[f"transfer/{task}"])
        check_made_from(student, {"rows": made_from(tokens, "rows")})
    return CachedTeacher(folders)


def _roles(spec: StageSpec, prefix: str) -> dict[str, str]:
    """Folders by task of the inputs `<prefix><task>`."""
    return {k.removeprefix(prefix): v for k, v in spec.inputs.items() if k.startswith(prefix)}
