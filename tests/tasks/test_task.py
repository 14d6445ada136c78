"""A Task refuses, in words, what cannot be a task."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from torch import nn

from kdlight.tasks.checks import EMBEDDED, KIND_METRICS, METRICS, TAKEN
from kdlight.tasks.task import Task
from kdlight.types import UserError

CONF = Path(__file__).parents[2] / "conf"
GOOD = {
    "name": "demo",
    "kind": "classification",
    "labels": ["bad", "good"],
    "metrics": ["accuracy"],
    "folder": "Demo",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "ranking"}, ["'ranking'", *KIND_METRICS]),
        ({"metrics": ["accuracy", "bleu"]}, ["'bleu'", *METRICS]),
        ({"metrics": ["f1"], "labels": ["a", "b", "c"]}, ["f1", "second of two"]),
        ({"metrics": ["pearson"]}, ["pearson", "classification", "accuracy, f1, matthews"]),
        ({"labels": [False, True]}, ["False", "quote", "yes"]),
        ({"labels": ["bad", 1]}, ["1 is not a string"]),
        ({"labels": ["bad", "bad"]}, ["twice", "bad"]),
        ({"labels": []}, ["two or more"]),
        ({"labels": ["only"]}, ["two or more"]),
        ({"kind": "regression", "metrics": ["pearson"]}, ["regression", "no `labels`"]),
        ({"grade_range": [5, 0]}, ["grade_range"]),
        ({"name": "SST-2"}, ["SST-2", "lower-case"]),
        ({"name": False}, ["False", "lower-case"]),
        ({"name": "train"}, ["A task cannot be called train", "rename it"]),
        ({"folder": 3}, ["folder"]),
        ({"columns": {"text_b": "x"}}, ["`pair: true`"]),
        ({"more_eval": {"other": "dev"}}, ["more_eval.other", "split"]),
        ({"embedded": "poetry"}, ["'poetry'", *EMBEDDED]),
        ({"embedded": "similarity"}, ["similarity", "regression", "do not fit"]),
        ({"embedded": "paraphrase"}, ["paraphrase", "2 text(s)"]),
        ({"pair": True, "embedded": "inference"}, ["3 classes", "embedded_labels"]),
        ({"pair": True, "embedded": "inference", "embedded_labels": [0, 0, 0]}, ["leave none"]),
        ({"pair": True, "embedded": "inference", "embedded_labels": [0, 1, 2]}, ["3 classes"]),
        ({"columns": {"text": "sentence"}}, ["'text'", "text_a"]),
        ({"columns": {"test": {"labels": "x"}}}, ["'labels'"]),
        ({"columns": {"header": False, "text_a": "sentence"}}, ["numbers counted from 0"]),
        ({"hub": {"path": "a/b", "columns": {"text_a": "x"}}}, ["missing: splits"]),
        ({"hub": {"path": "a/b", "set": "x"}}, ["unknown: set"]),
        ({"hub": "a/b"}, ["`hub` must be a mapping"]),
        ({"hub": {"path": "a/b", "columns": "x", "splits": {"dev": "x"}}}, ["hub.columns"]),
        ({"columns": "sentence"}, ["`columns` must be a mapping"]),
        ({"columns": {"test": "sentence"}}, ["`columns.test` must be a mapping"]),
        ({"max_rows": 0}, ["max_rows=0", "1 or more"]),
        ({"max_rows": "many"}, ["max_rows=many", "whole number"]),
        ({"labels": "bad"}, ["`labels` must be a list"]),
        ({"metrics": "accuracy"}, ["`metrics` must be a list"]),
        ({"files": {"dev": "dev_matched"}}, ["`files.dev` must be a list"]),
        ({"pair": "yes"}, ["`pair` must be true or false"]),
        ({"grade_range": ["0", "5"]}, ["`grade_range` must be two numbers"]),
        ({"aliases": {"fine": "great"}}, ["'fine'", "'great'", "good"]),
    ],
)
def test_a_mistake_is_named_with_what_is_valid(change, words):
    with pytest.raises(UserError) as caught:
        Task(**{**GOOD, **change})
    for word in words:
        assert word in str(caught.value)


def test_all_names_are_known_that_no_part_of_a_network_can_have():
    assert {name for name in dir(nn.ModuleDict()) if not name.startswith("_")} <= TAKEN
    for name in TAKEN & {"type", "keys", "half", "training"}:
        with pytest.raises(KeyError):
            nn.ModuleDict({name: nn.Identity()})
    assert not TAKEN & {path.stem for path in (CONF / "task").glob("*.yaml")}
    assert not TAKEN & {path.stem for path in (CONF / "loss").glob("*.yaml")}


def test_containers_of_yaml_become_plain():
    node = OmegaConf.create({**GOOD, "columns": {"text_a": "x", "test": {"text_a": "y"}}})
    task = Task(**node)
    assert task.labels == ("bad", "good")
    assert task.columns == {"text_a": "x", "test": {"text_a": "y"}}
    assert type(task.columns["test"]) is dict
    assert task == Task(**{**GOOD, "columns": {"text_a": "x", "test": {"text_a": "y"}}})
    assert len({task, task}) == 1


def test_little_has_to_be_said():
    task = Task("mine", labels=("bad", "good"))
    assert (task.kind, task.folder, task.metrics) == ("classification", "mine", ("accuracy",))
    graded = Task("mine", kind="regression", pair=True)
    assert graded.metrics == ("pearson", "spearman")


def test_outputs_of_the_head():
    assert Task(**GOOD).num_outputs == 2
    graded = Task(name="g", kind="regression", metrics=("pearson",), folder="G")
    assert graded.num_outputs == 1


def test_a_task_cannot_be_changed():
    with pytest.raises(AttributeError):
        Task(**GOOD).kind = "span"


def test_three_classes_map_onto_two():
    task = Task(**GOOD | {"pair": True, "embedded": "inference", "embedded_labels": [1, 0, 0]})
    assert task.embedded_labels == (1, 0, 0)
