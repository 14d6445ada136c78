"""A student of several tasks, cut in mid-epoch, goes on as if it had not been."""

import random
from functools import partial

import pytest
import torch
from conftest import WORDS

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.mixing import annealed
from kdlight.launch.prepare import prepare
from kdlight.losses.annealed import Annealed
from kdlight.losses.layers import PKD, AttentionMSE, HiddenMSE
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.fit import fit
from kdlight.methods.mkd import MKD
from kdlight.methods.optimizers import LazyAdamW
from kdlight.methods.schedules import linear
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.transformer import TransformerEncoder
from kdlight.teachers.online import OnlineTeacher
from kdlight.types import Example

OUTPUTS = {"decided": (2, False), "graded": (1, True, "text", (0.0, 5.0)), "three": (3, True)}
METRICS = {"decided": (["accuracy"], 2), "graded": (["pearson"], 1), "three": (["accuracy"], 3)}
ROWS = {"decided": 90, "graded": 20, "three": 40}
SHAPE = {"model_type": "bert", "num_attention_heads": 2, "intermediate_size": 24}
STEPS, INTERVAL = 24, 6


class CutError(Exception):
    """The end of a process, as far as a test goes."""


def examples(task, draw):
    def text():
        return " ".join(draw.choices(WORDS, k=draw.randint(1, 25)))

    labels = {"decided": (0, 1), "graded": (0.0, 1.3, 2.5, 5.0), "three": (0, 1, 2)}[task]
    pair = OUTPUTS[task][1]
    return [
        Example(f"row-{number}", text(), text() if pair else None, draw.choice(labels))
        for number in range(ROWS[task])
    ]


@pytest.fixture
def train(encode, tmp_path):
    """`train(name)`: everything that has a state is in it; curves, best score and weights."""
    prepare()
    draw = random.Random(0)
    rows = {task: encode(examples(task, draw), task=task) for task in OUTPUTS}

    def network(layers, width, seed):
        torch.manual_seed(seed)
        one, shape = rows["decided"], {**SHAPE, "num_hidden_layers": layers, "hidden_size": width}
        encoder = TransformerEncoder(one.vocabulary, one.template.pad, shape, "mean")
        return MultiTaskModel(encoder, LinearHead, OUTPUTS)

    def made(name):
        student, teacher = network(2, 8, 0), network(4, 16, 1)
        data = TaskDataModule(rows, rows, partial(annealed, end=0.0), 8, 0, student.reads)
        data.steps = STEPS
        terms = {"annealed": Annealed(), "hidden": HiddenMSE(), "attention": AttentionMSE()}
        module = MKD(
            losses=WeightedSum({**terms, "pkd": PKD("last")}),
            teacher=OnlineTeacher(dict.fromkeys(OUTPUTS, teacher)),
            model=student,
            metrics=METRICS,
            optimizer=partial(LazyAdamW, lr=1e-2, weight_decay=0.1),
            schedule=linear,
            total_steps=STEPS,
            seed=0,
            task_weights={"three": 2.0},
        )
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        trainer = {"accelerator": "cpu", "devices": 1, "checkpoint_seconds": 0}
        best = fit(module, data, folder, INTERVAL, "student",
                   {"title": "student", "quiet": True, "trainer": trainer})  # fmt: skip
        weights = {key: value.clone() for key, value in module.state_dict().items()}
        return (folder / "metrics.csv").read_text(), best.score, weights

    return made


def test_a_cut_run_ends_as_a_whole_one(train, monkeypatch):
    """Cut three times, within an epoch and at its end; dropout, heads and projections go on."""
    curves, score, weights = train("whole")
    step = MKD.training_step
    for at in (3, 13, 19):

        def cutting(self, *arguments, at=at):
            found = step(self, *arguments)
            if self.trainer.global_step + 1 == at:
                raise CutError
            return found

        with monkeypatch.context() as patch:
            patch.setattr(MKD, "training_step", cutting)
            with pytest.raises(CutError):
                train("cut")
    again, its_score, its_weights = train("cut")
    assert (again, its_score) == (curves, score)
    assert weights.keys() == its_weights.keys()
    for key, value in weights.items():
        assert torch.equal(value, its_weights[key]), key
