"""A student that learns from a teacher, through a whole short training."""

import re
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.mixing import proportional
from kdlight.launch.prepare import prepare
from kdlight.losses.annealed import Annealed
from kdlight.losses.logits import LogitMSE
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.distill import Distill
from kdlight.methods.fit import fit
from kdlight.methods.schedules import constant
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import LOGITS, ModelOutput, UserError

STEPS = 5


class Contrary:
    """A teacher that is sure of what the labels deny."""

    provides, reads, shapes = LOGITS, frozenset({"texts"}), {}

    def __call__(self, batch, needs=LOGITS):
        del needs
        return ModelOutput(logits=30.0 * F.one_hot(1 - batch.labels.long(), 2).float())


class Broken(Contrary):
    """A teacher that has lost its mind about three rows."""

    def __call__(self, batch, needs=LOGITS):
        logits = super().__call__(batch, needs).logits
        logits[torch.isin(batch.rows, torch.tensor([3, 11, 17]))] = torch.nan
        return ModelOutput(logits=logits)


class Kept(Annealed):
    """Keeps its value, and what it would be with the teacher's answers and with gold labels."""

    def forward(self, student, teacher, batch):
        value = super().forward(student, teacher, batch)
        logits = student.part("logits").detach()
        ends = [F.cross_entropy(logits, labels) for labels in
                (1 - batch.labels.long(), batch.labels.long())]  # fmt: skip
        self.seen.append((value.item(), *map(float, ends)))
        return value


@pytest.fixture
def train(encode, sentences, tmp_path):
    """`train(loss, teacher)`: five steps of eight rows."""

    def made(loss, teacher):
        prepare()
        torch.manual_seed(0)
        rows = encode(sentences(40))
        encoder = BiLSTMEncoder(TokenEmbeddings(rows.vocabulary, rows.template.pad, 8), 8)
        model = MultiTaskModel(encoder, LinearHead, {"demo": (2, False)})
        data = TaskDataModule({"demo": rows}, {"demo": rows}, proportional, 8, 0, model.reads)
        data.steps = STEPS
        module = Distill(
            losses=WeightedSum({"loss": loss}),
            teacher=teacher,
            model=model,
            metrics={"demo": (["accuracy"], 2)},
            optimizer=partial(torch.optim.SGD, lr=1.0),
            schedule=constant,
            total_steps=STEPS,
            seed=0,
        )
        trainer = {"accelerator": "cpu", "devices": 1, "checkpoint_seconds": 1000}
        runtime = {"title": "student", "trainer": trainer, "quiet": True}
        fit(module, data, tmp_path, STEPS, "student", runtime)

    return made


def test_rows_with_a_number_that_is_none_are_named(train):
    """By name those of the batch that are wrong, and no others."""
    with pytest.raises(UserError, match=r"loss of task demo is nan at step \d") as caught:
        train(LogitMSE(), Broken())
    named = re.findall(r"train-(\d+)", str(caught.value))
    assert named
    assert {*named} <= {"3", "11", "17"}


def test_an_annealed_training_goes_from_the_teacher_to_gold(train):
    loss = Kept()
    loss.seen = []
    train(loss, Contrary())
    assert len(loss.seen) == STEPS
    for step, (value, teachers, gold) in enumerate(loss.seen):
        done = step / (STEPS - 1)
        assert value == pytest.approx((1 - done) * teachers + done * gold, rel=1e-4)
        assert abs(teachers - gold) > 1e-3
