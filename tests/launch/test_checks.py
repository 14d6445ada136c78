"""A task's YAML with a key that tasks do not have; parts of an arm that do not fit its tasks."""

import json

import pytest
from commands import plain

from kdlight.data import pieces
from kdlight.launch.checks import (
    KINDS,
    check_kinds,
    check_made_tokenizer,
    check_task_keys,
    check_task_names,
    check_teacher_floor,
)
from kdlight.launch.job import Job
from kdlight.launch.plan import Plan
from kdlight.launch.result import agreement
from kdlight.tasks.task import Task
from kdlight.types import UserError

TARGET = {"_target_": "kdlight.tasks.task.Task", "name": "mine"}


@pytest.mark.parametrize(
    ("key", "words"), [("label", "did you mean labels?"), ("zzz", "valid: name, kind, pair")]
)
def test_an_unknown_key_names_the_nearest(key, words):
    with pytest.raises(UserError, match="task mine: its YAML has an unknown key") as caught:
        check_task_keys("mine", {**TARGET, key: 1})
    assert words in str(caught.value)


def test_a_name_that_no_part_of_a_network_can_have(tmp_path):
    """Of a task's key, whatever the task is called, and of a loss."""
    with pytest.raises(UserError, match="A task cannot be called update: "):
        check_task_names({"update": TASKS["text"]})
    kl = "{_target_: kdlight.losses.logits.SoftKL, weight: 1.0}"
    config = plain(f"+loss.half={kl}", f"outputs={tmp_path}")
    with pytest.raises(UserError, match="A loss cannot be called half: "):
        Job(config, tmp_path)


def test_known_keys_and_other_classes_pass():
    check_task_keys("mine", {**TARGET, "labels": []})
    check_task_keys("mine", {"_target_": "mine.Task", "zzz": 1})


TASKS = {
    "text": Task("text", labels=("no", "yes")),
    "span": Task("span", "span"),
    "choice": Task("choice", "choice"),
}
WORKS = {
    "student": {"start": {}},
    "augmentation": {"seed": 0, "n_iter": 0, "keep_labels": False},
    "method": {"learns_from": "teacher"},
    "teacher": {"source": "live"},
}


@pytest.mark.parametrize(
    ("changes", "refused", "words"),
    [
        ({}, (), ""),
        ({"student": {"embeddings": {"dim": 3}}}, ("span",), "student=transformer3"),
        ({"teacher": {"source": "stored"}}, ("span", "choice"), "teacher.source=live"),
        (
            {"augmentation": {"seed": 0, "n_iter": 2, "keep_labels": False, "mask": {}}},
            ("span", "choice"),
            "'augmentation=[]'",
        ),
    ],
)
@pytest.mark.parametrize("name", TASKS)
def test_parts_that_do_not_fit_a_task(name, changes, refused, words):
    tasks, parts = {name: TASKS[name]}, {**WORKS, **changes}
    if name not in refused:
        check_kinds(tasks, parts)
        return
    with pytest.raises(UserError, match=name) as caught:
        check_kinds(tasks, parts)
    assert words in str(caught.value)


def test_a_student_on_gold_labels_needs_no_live_teacher():
    parts = {**WORKS, "method": {"learns_from": "gold"}, "teacher": {"source": "stored"}}
    check_kinds(TASKS, parts)


def test_agreement_of_every_kind():
    assert agreement(["a", "b", "", "d"], ["a", "c", "", "d "]) == 50
    assert agreement([[1, 2], [3, 1, 2]], [[0, 9], [1, 2, 3]]) == 50
    assert agreement([[1, 2], [3, 1]], [[0, 9], [1, 2]]) == 50
    assert agreement([[1.0], [2.0], [3.0]], [[2.0], [4.0], [6.0]]) == pytest.approx(100)


def about(selection, majority):
    return {"selection": selection, "majority": majority}


GOOD, LOW, EVEN = about(80.0, 50.0), about(49.0, 68.4), about(66.666672, 200 / 3)


SOME_LOW = {"sst2": GOOD, "mrpc": LOW, "rte": EVEN}
NAMED = "scores 49.0 on mrpc (that: 68.4), 66.7 on rte (that: 66.7); train"


@pytest.mark.parametrize(
    ("noted", "words", "refused"),
    [
        (about(60.0, 50.0), None, False),  # of teachers made before tasks were noted
        (about(50.0, 50.0), "scores 50.0 (that: 50.0); train", True),
        ({**about(60.0, 50.0), "tasks": {"sst2": GOOD}}, None, False),
        ({**EVEN, "tasks": {"sst2": EVEN}}, "scores 66.7 (that: 66.7); train", True),
        ({**about(70.0, 60.0), "tasks": {"sst2": GOOD, "mrpc": GOOD}}, None, False),
        ({**about(65.2, 61.7), "tasks": SOME_LOW}, NAMED, False),
        ({**about(55.2, 61.7), "tasks": SOME_LOW}, NAMED, True),
    ],
)
@pytest.mark.parametrize("floor", ["error", "warn"])
def test_a_teacher_at_chance_is_refused_and_its_tasks_are_named(
    tmp_path, caplog, floor, noted, words, refused
):
    (tmp_path / "floor.json").write_text(json.dumps(noted))
    if refused and floor == "error":
        with pytest.raises(UserError, match="teacher a is no better than the common") as caught:
            check_teacher_floor(tmp_path, "teacher a", floor)
        assert words in str(caught.value)
        return
    check_teacher_floor(tmp_path, "teacher a", floor)
    assert (words or "") in caplog.text
    assert bool(caplog.text) == bool(words)


def test_two_tasks_of_one_name():
    check_task_names({"a": Task("a", labels=("0", "1")), "b": Task("b", labels=("0", "1"))})
    with pytest.raises(UserError, match="tasks a and b have one name, a: give one"):
        check_task_names(dict.fromkeys("ab", Task("a", labels=("0", "1"))))


MADE = {"kind": "characters", "size": 600}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kinds": 3}, "teacher.tokenizer.kinds is no such key; did you mean kind?"),
        ({"kind": "bpe"}, "teacher.tokenizer.kind=bpe must be word_pieces or characters"),
        ({"size": 9}, "teacher.tokenizer.size=9 must be a whole number of 10 or more"),
        ({"size": "600"}, "teacher.tokenizer.size=600 must be a whole number"),
        ({"lowercase": "no"}, "teacher.tokenizer.lowercase=no must be true or false"),
    ],
)
def test_a_recipe_that_makes_no_tokenizer(changed, words):
    with pytest.raises(UserError) as caught:
        check_made_tokenizer({**MADE, **changed})
    assert words in str(caught.value)


def test_every_kind_of_vocabulary_can_be_asked_for():
    assert set(KINDS) == set(pieces.KINDS)


def test_a_recipe_of_a_tokenizer_need_not_name_its_case():
    check_made_tokenizer(MADE)
    config = plain(
        "teacher.tokenizer=null", "++teacher.tokenizer={kind: characters, size: 600}",
        experiment="mitkd",
    )  # fmt: skip
    assert Plan(config).tokenizer(None, config["teacher"]["tokenizer"]).config["made"] == {
        "kind": "characters",
        "size": 600,
        "lowercase": True,
    }
