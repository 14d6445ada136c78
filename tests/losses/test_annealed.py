"""Teacher annealing against its two ends and the formula between."""

import pytest
import torch
from torch.nn import functional as F

from kdlight.losses.annealed import Annealed, annealed
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.types import ModelOutput

NAN = float("nan")
STUDENT = torch.tensor([[1.0, 0.5, -1.0], [0.0, 2.0, 1.0], [0.3, 0.2, 0.1]])
TEACHER = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
LABELS = torch.tensor([2.0, 1.0, 0.0])


def test_from_the_teacher_to_gold():
    soft = F.cross_entropy(STUDENT, TEACHER.softmax(1))
    hard = F.cross_entropy(STUDENT, LABELS.long())
    torch.testing.assert_close(annealed(STUDENT, TEACHER, LABELS, 0.0), soft)
    torch.testing.assert_close(annealed(STUDENT, TEACHER, LABELS, 1.0), hard)
    torch.testing.assert_close(annealed(STUDENT, TEACHER, LABELS, 0.3), 0.3 * hard + 0.7 * soft)


def test_a_row_without_label_keeps_the_teacher():
    labels = torch.tensor([2.0, NAN, 0.0])
    parts = [annealed(STUDENT[i : i + 1], TEACHER[i : i + 1], LABELS[i : i + 1], g)
             for i, g in ((0, 0.8), (1, 0.0), (2, 0.8))]  # fmt: skip
    torch.testing.assert_close(annealed(STUDENT, TEACHER, labels, 0.8), sum(parts) / 3)


def test_grades():
    student, teacher = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0]])
    found = annealed(student, teacher, torch.tensor([5.0, NAN]), 0.25)
    assert float(found) == pytest.approx(((1 - 3.5) ** 2 + (2 - 4) ** 2) / 2)


def test_the_sum_tells_it_how_far_training_is(make_batch):
    losses = WeightedSum({"annealed": Annealed()})
    batch = make_batch([1, 1, 1], labels=LABELS.tolist())
    student, teacher = ModelOutput(logits=STUDENT), ModelOutput(logits=TEACHER)
    for progress in (0.0, 0.5, 1.0):
        losses.at(progress)
        expected = annealed(STUDENT, TEACHER, LABELS, progress)
        torch.testing.assert_close(losses(student, teacher, batch)[0], expected)
