"""A student of two tasks with a live teacher, trained by one process or by the ranks of a group.

`python two_tasks.py ROWS OUT RECORDS WORLD_SIZE [ODD]`: each rank writes what it saw to `RECORDS`.
The rank of number `ODD` meets a loss that is not finite at its third step.
"""

import os
import sys
from functools import partial
from math import inf
from pathlib import Path

import lightning as L
import torch

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.encoded import EncodedRows
from kdlight.data.mixing import uniform
from kdlight.launch.prepare import prepare
from kdlight.losses.layers import PKD, AttentionMSE, HiddenMSE
from kdlight.losses.logits import LogitMSE
from kdlight.losses.relation import Relation
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.base import DivergedError
from kdlight.methods.distill import Distill
from kdlight.methods.fit import fit, ranks
from kdlight.methods.optimizers import LazyAdamW
from kdlight.methods.schedules import constant
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.transformer import TransformerEncoder
from kdlight.teachers.online import OnlineTeacher

STEPS, INTERVAL = 8, 4
OUTPUTS = {"decided": (2, False), "graded": (1, True)}
METRICS = {"decided": (["accuracy", "matthews"], 2), "graded": (["pearson", "spearman"], 1)}
SHAPE = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


class Record(L.Callback):
    """Weights, the state of the optimizer and the newest scores behind every step."""

    def __init__(self):
        self.steps, self.scores = [], []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        del outputs, batch_idx
        (optimizer,) = trainer.optimizers
        kept = {
            f"{name} {key}": torch.as_tensor(value).clone()
            for name, parameter in module.named_parameters()
            for key, value in optimizer.state[parameter].items()
        }
        weights = {name: value.detach().clone() for name, value in module.named_parameters()}
        self.steps.append({"task": batch.task, "weights": weights, "optimizer": kept})

    def on_validation_end(self, trainer, module):
        del module
        self.scores.append({k: float(v) for k, v in trainer.callback_metrics.items() if "val" in k})


def network(rows, layers, seed):
    torch.manual_seed(seed)
    shape = {**SHAPE, "num_hidden_layers": layers}
    encoder = TransformerEncoder(rows.vocabulary, rows.template.pad, shape, "mean")
    return MultiTaskModel(encoder, partial(LinearHead, dropout=0.0), OUTPUTS)


def train(rows, out, world_size):
    """What was recorded; `rows` holds a folder for each task, `train` and `held` in it."""
    prepare()
    parts = [
        {task: EncodedRows(Path(rows) / task / part, task) for task in OUTPUTS}
        for part in ("train", "held")
    ]
    student, teacher = network(parts[0]["decided"], 2, 0), network(parts[0]["decided"], 4, 1)
    # Batches of unlike lengths, so that the ranks hold unlike numbers of tokens.
    data = TaskDataModule(*parts, uniform, 8, 0, student.reads, window=1)
    data.steps = STEPS
    terms = {
        "logit_mse": LogitMSE(),
        "hidden": HiddenMSE(weight=3.0),
        "attention": AttentionMSE(weight=10.0),
        "pkd": PKD(),
        "relation": Relation(),
    }
    module = Distill(
        losses=WeightedSum(terms),
        teacher=OnlineTeacher(dict.fromkeys(OUTPUTS, teacher)),
        model=student,
        metrics=METRICS,
        optimizer=partial(LazyAdamW, lr=1e-2, eps=1e-3, weight_decay=0.1),
        schedule=constant,
        total_steps=STEPS,
        seed=0,
    )
    trainer = {"accelerator": "cpu", "devices": world_size, "checkpoint_seconds": 0}
    trainer["strategy"] = "ddp" if world_size > 1 else "auto"
    record = Record()
    runtime = {"title": "student", "trainer": trainer, "quiet": True}
    fit(module, data, Path(out), INTERVAL, "student", runtime, [record])
    return {"steps": record.steps, "scores": record.scores}


def spoilt(loss):
    """A loss that is infinite from the third time on."""
    times = []

    def found(self, batch):
        total, parts = loss(self, batch)
        times.append(1)
        return (total * inf if len(times) > 2 else total), parts

    return found


def main(rows, out, records, world_size, odd=None):
    written = []

    def hook(event, args):
        changes = ("os.remove", "os.rename", "os.mkdir", "os.rmdir")
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if (writes or event in changes) and str(args[0]).startswith(out):
            written.append(str(args[0]))

    sys.addaudithook(hook)
    if odd == str(ranks()[0]):
        Distill.loss = spoilt(Distill.loss)
    try:
        found = train(rows, out, int(world_size))
    except DivergedError as error:
        found = {"said": str(error)}
    torch.save({**found, "written": written}, os.path.join(records, f"{ranks()[0]}.pt"))


if __name__ == "__main__":
    main(*sys.argv[1:])
