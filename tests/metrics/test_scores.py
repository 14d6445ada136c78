"""Scores against scikit-learn and scipy."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as sk

from kdlight.metrics.scores import TaskScores, macro, score


@pytest.fixture(params=[2, 4])
def decided(request):
    """(logits, labels) of 203 rows, right in about two thirds of them."""
    generator = torch.Generator().manual_seed(request.param)
    labels = torch.randint(0, request.param, (203,), generator=generator)
    logits = torch.randn(203, request.param, generator=generator)
    return logits + torch.nn.functional.one_hot(labels, request.param), labels.float()


@pytest.fixture
def graded():
    """(outputs, grades) of 150 rows, correlated, with ties among the grades."""
    generator = torch.Generator().manual_seed(5)
    grades = torch.randint(0, 11, (150,), generator=generator) / 2
    return (grades + torch.randn(150, generator=generator))[:, None], grades


def computed(names, outputs, pieces):
    """Scores after one update for each (logits, labels) piece."""
    scores = TaskScores(names, outputs)
    for logits, labels in pieces:
        scores.update(logits, labels)
    return scores.compute()


def test_classes_against_scikit_learn(decided):
    logits, labels = decided
    names = ["accuracy", "matthews", "f1"][: 3 if logits.shape[1] == 2 else 2]
    found = computed(names, logits.shape[1], [decided])
    ours, gold = logits.argmax(dim=1).numpy(), labels.numpy()
    expected = {
        "accuracy": 100 * sk.accuracy_score(gold, ours),
        "matthews": 100 * sk.matthews_corrcoef(gold, ours),
        "f1": 100 * sk.f1_score(gold, ours, average="binary" if logits.shape[1] == 2 else "macro"),
    }
    assert 30 < expected["matthews"] < expected["accuracy"] < 95
    assert found == pytest.approx({name: expected[name] for name in names}, abs=1e-4)


def test_f1_is_that_of_class_one():
    logits = torch.eye(2)[[1, 1, 1, 0, 0, 0]]
    found = computed(["f1"], 2, [(logits, torch.tensor([1.0, 0, 0, 1, 0, 0]))])
    assert found["f1"] == pytest.approx(100 * 2 / 5, abs=1e-4)


def test_grades_against_scipy(graded):
    outputs, grades = graded
    found = computed(["pearson", "spearman"], 1, [graded])
    values = outputs[:, 0].numpy()
    expected = {
        "pearson": 100 * stats.pearsonr(values, grades.numpy()).statistic,
        "spearman": 100 * stats.spearmanr(values, grades.numpy()).statistic,
    }
    assert 50 < expected["pearson"] < 95
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("sizes", [(1, 202), (64, 64, 64, 11), (200, 3)])
def test_batches_of_classes_equal_one_go(decided, sizes):
    names, outputs = ["accuracy", "matthews"], decided[0].shape[1]
    pieces = zip(*(part.split(sizes) for part in decided), strict=True)
    assert computed(names, outputs, pieces) == pytest.approx(computed(names, outputs, [decided]))


@pytest.mark.parametrize("sizes", [(1, 149), (64, 64, 22), (1, 1, 148)])
def test_batches_of_grades_equal_one_go(graded, sizes):
    names = ["pearson", "spearman"]
    pieces = zip(*(part.split(sizes) for part in graded), strict=True)
    assert computed(names, 1, pieces) == pytest.approx(computed(names, 1, [graded]), abs=1e-3)


@pytest.mark.parametrize("answer", [0, 1])
def test_always_the_same_class_scores_zero_beyond_chance(answer):
    labels = torch.tensor([1.0] * 60 + [0.0] * 40)
    logits = torch.eye(2)[[answer] * 100]
    found = computed(["accuracy", "matthews", "f1"], 2, [(logits, labels)])
    assert found["accuracy"] == pytest.approx(60 if answer else 40, abs=1e-4)
    assert found["matthews"] == 0
    assert found["f1"] == pytest.approx(75 if answer else 0, abs=1e-4)


@pytest.mark.parametrize("answer", [0, 1])
def test_rows_of_one_class_have_no_correlation(answer):
    found = computed(["matthews"], 2, [(torch.eye(2)[[answer] * 5], torch.full((5,), 1.0))])
    assert found == {"matthews": 0}


def test_constant_grades_score_zero_without_a_word():
    for outputs, grades in ((torch.ones(9), torch.arange(9.0)), (torch.arange(9.0), torch.ones(9))):
        found = computed(["pearson", "spearman"], 1, [(outputs[:, None], grades)])
        assert found == {"pearson": 0, "spearman": 0}


def test_perfect_and_opposite_answers():
    labels = torch.tensor([0.0, 1, 1, 0])
    right = torch.eye(2)[labels.long()]
    assert computed(["matthews"], 2, [(right, labels)])["matthews"] == pytest.approx(100)
    assert computed(["matthews"], 2, [(-right, labels)])["matthews"] == pytest.approx(-100)


def test_half_precision_outputs_are_scored(graded):
    outputs = graded[0].to(torch.bfloat16)
    found = computed(["pearson"], 1, [(outputs, graded[1])])
    expected = stats.pearsonr(outputs.float()[:, 0].numpy(), graded[1].numpy()).statistic
    assert found["pearson"] == pytest.approx(100 * expected, abs=1e-3)


def test_reset_forgets(decided):
    logits, labels = decided
    scores = TaskScores(["accuracy"], logits.shape[1])
    scores.update(logits, labels)
    scores.reset()
    scores.update(logits[:2], logits[:2].argmax(dim=1).float())
    assert scores.compute() == {"accuracy": 100}


def test_macro_weighs_tasks_not_metrics():
    scores = {"mrpc": {"f1": 90.0, "accuracy": 80.0}, "cola": {"matthews": 45.0}}
    assert score(scores["mrpc"]) == 85
    assert macro(scores) == 65
    assert not np.isclose(macro(scores), (90 + 80 + 45) / 3)
