"""Stage: fine-tunes an encoder on gold labels."""

import json
from pathlib import Path
from statistics import fmean

import lightning as L
import numpy as np
from hydra.utils import instantiate

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.encoded import EncodedRows
from kdlight.data.mixing import proportional
from kdlight.methods.finetune import Finetune
from kdlight.methods.fit import fit, is_first_rank, plan_steps
from kdlight.metrics.scores import TaskScores
from kdlight.models.build import build_teacher, save_teacher
from kdlight.types import StageSpec


def run(spec: StageSpec) -> None:
    """Trains, keeps the best weights on the selection rows, and notes how good they are."""
    config, out = spec.config, Path(spec.out)
    special = json.loads((Path(spec.inputs["tokenizer"]) / "special.json").read_text())
    rows = {
        split: {
            task: EncodedRows(Path(spec.inputs[f"tokens/{task}"]) / split, task)
            for task in config["tasks"]
        }
        for split in ("train", "selection")
    }
    outputs = {t: (about["num_outputs"], about["pair"]) for t, about in config["tasks"].items()}
    pretrained = spec.runtime["pretrained"]
    L.seed_everything(config["seed"], verbose=False)
    model = build_teacher(
        config, outputs, special["size"], special["pad"], Path(pretrained) if pretrained else None
    )
    data = TaskDataModule(
        rows["train"], rows["selection"], proportional, config["batch_size"], config["seed"],
        model.reads, labelled_only=True,
    )  # fmt: skip
    data.steps, interval = plan_steps(config["max_epochs"] * data.steps, config["evaluations"])
    module = Finetune(
        model=model,
        metrics={t: (a["metrics"], a["num_outputs"]) for t, a in config["tasks"].items()},
        optimizer=instantiate(config["optimizer"]),
        schedule=instantiate(config["schedule"]),
        total_steps=data.steps,
        seed=config["seed"],
    )
    best = fit(module, data, out, interval, spec.runtime["title"], spec.runtime)
    if is_first_rank():
        model.load_state_dict(best.weights)
        save_teacher(model, out, config, outputs)
        majority = {t: _majority(config["tasks"][t], r) for t, r in rows["selection"].items()}
        floor = {"selection": best.score, "majority": fmean(majority.values())}
        (out / "floor.json").write_text(json.dumps(floor))


def _majority(about: dict, rows: EncodedRows) -> float:
    """The score of always saying the commonest class (zero for correlations)."""
    if about["num_outputs"] == 1:
        return 0.0
    import torch

    labels = rows.labels.astype(np.int64)
    scores = TaskScores(about["metrics"], about["num_outputs"], across_ranks=False)
    logits = torch.zeros(len(labels), about["num_outputs"])
    logits[:, int(np.bincount(labels).argmax())] = 1
    scores.update(logits, torch.from_numpy(labels))
    return fmean(scores.compute().values())
