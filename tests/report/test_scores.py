"""Metrics of the report against scikit-learn and scipy, and against kdlight's own."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from kdlight.metrics.scores import TaskScores
from kdlight.report.scores import score
from kdlight.report.statistics import resampled

RANDOM = np.random.default_rng(1)
CLASSES = RANDOM.integers(0, 2, 80)
LOGITS = RANDOM.normal(size=(80, 2)) + np.eye(2)[CLASSES]
GRADES = RANDOM.integers(0, 11, 80) / 2
GRADED = GRADES[:, None] + RANDOM.normal(size=(80, 1))
REFERENCE = {
    "accuracy": accuracy_score,
    "f1": lambda gold, found: f1_score(gold, found, zero_division=0.0),
    "matthews": matthews_corrcoef,
    "pearson": lambda gold, found: pearsonr(gold, found)[0],
    "spearman": lambda gold, found: spearmanr(gold, found)[0],
}


def case(metric):
    graded = metric in ("pearson", "spearman")
    return (GRADES, GRADED) if graded else (CLASSES, LOGITS)


def decided(outputs):
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)


@pytest.mark.parametrize("metric", REFERENCE)
def test_the_rows_once(metric):
    gold, outputs = case(metric)
    expected = 100 * REFERENCE[metric](gold, decided(outputs))
    assert score(metric, gold, outputs) == pytest.approx([expected])
    assert 20 < expected < 99
    scores = TaskScores([metric], outputs.shape[1], across_ranks=False)
    scores.update(torch.tensor(outputs), torch.tensor(gold))
    assert scores.compute()[metric] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("metric", REFERENCE)
def test_many_samples_at_once(metric):
    gold, outputs = case(metric)
    counts = np.concatenate([*resampled(80, seed=3, resamples=20)])
    found = score(metric, gold, outputs, counts)
    for sample, value in zip(counts.astype(int), found, strict=True):
        rows = np.repeat(np.arange(80), sample)
        expected = 100 * REFERENCE[metric](gold[rows], decided(outputs)[rows])
        assert value == pytest.approx(expected)


def test_three_classes():
    gold, outputs = RANDOM.integers(0, 3, 60), RANDOM.normal(size=(60, 3))
    expected = 100 * matthews_corrcoef(gold, outputs.argmax(axis=1))
    assert score("matthews", gold, outputs) == pytest.approx([expected])


def test_constants_count_as_zero():
    constant = np.tile([1.0, 0.0], (80, 1))
    assert score("matthews", CLASSES, constant) == 0
    assert score("f1", CLASSES, constant) == 0
    assert score("pearson", GRADES, np.ones((80, 1))) == 0
    assert score("spearman", GRADES, np.ones((80, 1))) == 0


def test_answers_of_spans_are_scored_by_their_worth():
    """Exact match and F1 of each row, over the rows or a sample of them."""
    worth, unknown = np.array([[1, 1], [0, 0.5], [0, 0]]), np.full(3, np.nan)
    assert score("exact_match", unknown, worth).tolist() == pytest.approx([100 / 3])
    assert score("f1", unknown, worth).tolist() == pytest.approx([50])
    counts = np.array([[0, 3, 0], [2, 0, 1]])
    assert score("f1", unknown, worth, counts).tolist() == pytest.approx([50, 200 / 3])
