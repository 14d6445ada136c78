"""Stage: fine-tunes an encoder on gold labels, or takes one that is fine-tuned already."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from statistics import fmean
from typing import Any

import lightning as L
from hydra.utils import instantiate

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.encoded import EncodedRows
from kdlight.data.mixing import proportional
from kdlight.measure.curves import selection_scores
from kdlight.measure.threads import threads
from kdlight.methods.curves import CurveLogger
from kdlight.methods.finetune import Finetune
from kdlight.methods.fit import Best, fit, is_first_rank, plan_steps
from kdlight.methods.scoring import scoring
from kdlight.metrics.scores import macro
from kdlight.models.build import build_teacher, load_teacher, part_of, save_teacher
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import longest_text
from kdlight.types import Output, StageSpec, UserError, settings_of


def run(spec: StageSpec) -> None:
    """Trains, keeps the best weights on the selection rows, and notes how good they are.

    With `max_epochs` 0 the encoder and the head it brings are taken as they are. A teacher of
    one task may go on from one of several (`start`), as MT-DNN is refined on each task.
    """
    config, out = spec.config, Path(spec.out)
    special = json.loads((Path(spec.inputs["tokenizer"]) / "special.json").read_text())
    tasks = config["tasks"]
    outputs = {task: Output.of(about) for task, about in tasks.items()}
    pretrained = spec.runtime["pretrained"]
    if "pretrain" in spec.inputs:
        pretrained = Path(spec.inputs["pretrain"]) / "encoder"
    L.seed_everything(config["seed"], verbose=False)
    folder = Path(pretrained) if pretrained else None
    with settings_of("teacher"):
        if "start" in spec.inputs:
            start = load_teacher(Path(spec.inputs["start"]))
            model = part_of(start, outputs, instantiate(config["head"]))
        else:
            model = build_teacher(config, outputs, special["size"], special["pad"], folder)
    held = _rows(spec, "selection")
    alike = [t for t, rows in held.items() if outputs[t].pair and not rows.template.second_type]
    if config["pooling"] == "segments" and alike:
        raise UserError(
            f"teacher.pooling=segments cannot tell the two texts of {alike[0]} apart: the "
            "tokenizer of this teacher gives both the same token type. Use mean or cls."
        )
    _check_reach(model, special["size"], max(rows.max_length for rows in held.values()))
    if config["max_epochs"]:
        with threads(spec.runtime["threads"]):
            # Divided over devices, parameters cannot take whole weights: a copy is trained.
            divided = isinstance(spec.runtime["trainer"]["strategy"], Mapping)
            best = _train(spec, deepcopy(model) if divided else model, held)
    else:
        scores = _scores_as_is(model.eval(), tasks, held)
        best = Best(model.state_dict(), macro(scores))
        named = {f"val/{t}/{name}": v for t, found in scores.items() for name, v in found.items()}
        CurveLogger(out / "metrics.csv").log_metrics({**named, "val/macro": best.score}, step=0)
    if is_first_rank():
        model.load_state_dict(best.weights)
        save_teacher(model, out, config, outputs)
        (out / "floor.json").write_text(json.dumps(_floor(out, best.score, tasks, held)))


def _check_reach(model: MultiTaskModel, vocabulary: int, length: int) -> None:
    """Refuses tokens and positions that the encoder has no vector for."""
    known = model.encoder.model.get_input_embeddings().num_embeddings
    if vocabulary > known:
        raise UserError(
            f"The teacher knows {known} tokens, but its tokenizer has {vocabulary}: the two do not "
            "belong together; give another folder (teacher.pretrained=DIR)."
        )
    most = longest_text(model.encoder)
    if most is not None and length > most:
        raise UserError(
            f"data.max_length={length} is more than the {most} tokens that the teacher can read: "
            f"set data.max_length={most} or less."
        )


def _rows(spec: StageSpec, split: str) -> dict[str, EncodedRows]:
    return {
        task: EncodedRows(Path(spec.inputs[f"tokens/{task}"]) / split, task)
        for task in spec.config["tasks"]
    }


def _train(spec: StageSpec, model: MultiTaskModel, held: Mapping[str, EncodedRows]) -> Best:
    config = spec.config
    size, seed = config["batch_size"], config["seed"]
    train = _rows(spec, "train")
    mixing = instantiate(config["mixing"]) if "mixing" in config else proportional
    data = TaskDataModule(train, held, mixing, size, seed, model.reads, labelled_only=True)
    steps = max(1, round(config["max_epochs"] * data.steps), config.get("min_steps", 0))
    data.steps, interval = plan_steps(steps, config["evaluations"])
    module = Finetune(
        model=model,
        metrics={t: scoring(a).scores(a, held[t]) for t, a in config["tasks"].items()},
        optimizer=instantiate(config["optimizer"]),
        schedule=instantiate(config["schedule"]),
        total_steps=data.steps,
        seed=seed,
    )
    return fit(module, data, Path(spec.out), interval, spec.runtime["title"], spec.runtime)


def _scores_as_is(
    model: MultiTaskModel, tasks: Mapping[str, Any], held: Mapping[str, EncodedRows]
) -> dict[str, dict[str, float]]:
    return {
        t: scoring(tasks[t]).evaluate(model, tasks[t], rows, "cpu")[0] for t, rows in held.items()
    }


def _floor(
    out: Path, score: float, tasks: Mapping[str, Any], held: Mapping[str, EncodedRows]
) -> dict[str, Any]:
    """How good the teacher is on the selection rows, and the commonest answer; also by task."""
    commonest = {t: scoring(tasks[t]).majority(tasks[t], rows) for t, rows in held.items()}
    by_task = {
        task: {"selection": found, "majority": commonest[task]}
        for task, found in selection_scores(out, held).items()
    }
    return {"selection": score, "majority": fmean(commonest.values()), "tasks": by_task}
