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


SETS = [
    *({"id": f"a{n}", "gold": 0, "set": "", "student": [1.0, 0.0]} for n in range(3)),
    {"id": "a3", "gold": 1, "set": "", "student": [1.0, 0.0]},
    {"id": "b0", "gold": 1, "set": "mismatched", "student": [0.0, 1.0]},
    {"id": "b1", "gold": 1, "set": "mismatched", "student": [1.0, 0.0]},
]


def of_two_sets(tmp_path, lines):
    (tmp_path / "mnli.jsonl").write_text("\n".join(map(json.dumps, lines)))
    scores = {"mnli": {"accuracy": 75.0, "accuracy_mismatched": 50.0}}
    result = {"student": {"scores": scores}, "predictions": {"mnli": "mnli.jsonl"}}
    return Run(tmp_path, result, {"task": {"mnli": {}}})


def test_each_of_several_sets_is_scored_by_itself(tmp_path):
    run = of_two_sets(tmp_path, SETS)
    run.check()
    assert not run.unknown
    run.result["student"]["scores"]["mnli"]["accuracy_mismatched"] = 75.0
    with pytest.raises(UserError, match="accuracy_mismatched of student on mnli"):
        run.check()


def test_sets_that_are_not_told_apart_are_said_to_be_unchecked(tmp_path):
    bare = [{key: value for key, value in line.items() if key != "set"} for line in SETS]
    run = of_two_sets(tmp_path, bare)
    run.check()
    assert run.unknown == {"mnli accuracy", "mnli accuracy_mismatched"}


def test_a_score_that_is_no_number_is_found(run):
    run.result["student"]["scores"]["squad"]["f1"] = float("nan")
    with pytest.raises(UserError, match="f1 of student on squad is nan"):
        run.check()
