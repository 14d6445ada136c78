"""Predictions of span and choice tasks, and their scores computed from them again."""

import json

import numpy as np
import pytest

from kdlight.report.collect import Run
from kdlight.types import UserError

LINES = {
    "squad": [
        {"id": "1", "gold": ["the red dog", "dog"], "student": "Red dog"},
        {"id": "2", "gold": [], "student": ""},
        {"id": "3", "gold": ["cat"], "student": "a cat sat"},
    ],
    "cmrc": [
        {"id": "1", "gold": ["北京"], "student": "北京市"},
        {"id": "2", "gold": ["东"], "student": "东。"},
    ],
    "c3": [
        {"id": "1", "gold": 1, "student": [0.5, 2.0]},
        {"id": "2", "gold": 2, "student": [1.0, -3.0, -4.0]},
    ],
}
SCORES = {
    "squad": {"exact_match": 200 / 3, "f1": 100 * (1 + 1 + 2 / 3) / 3},
    "cmrc": {"exact_match": 50.0, "f1": 90.0},
    "c3": {"accuracy": 50.0},
}


@pytest.fixture
def run(tmp_path):
    for task, lines in LINES.items():
        (tmp_path / f"{task}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    student = {"scores": {task: dict(scores) for task, scores in SCORES.items()}}
    result = {"student": student, "predictions": {task: f"{task}.jsonl" for task in LINES}}
    config = {"task": {"squad": {}, "cmrc": {"answers": "characters"}, "c3": {}}}
    return Run(tmp_path, result, config)


def test_scores_agree_with_the_predictions(run):
    run.check()
    assert run.predictions["c3"]["student"][0].tolist() == [0.5, 2.0, -np.inf]
    assert run.predictions["squad"]["student"].shape == (3, 2)


@pytest.mark.parametrize(("task", "metric"), [("squad", "f1"), ("cmrc", "exact_match")])
def test_a_score_that_was_changed_is_found(run, task, metric):
    run.result["student"]["scores"][task][metric] += 1
    with pytest.raises(UserError, match=f"{metric} of student on {task}"):
        run.check()
