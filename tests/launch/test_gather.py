"""What `result.json` says of networks that have learnt other tasks, or from other teachers."""

import json

import pytest

from kdlight.launch.gather import quality, rates
from kdlight.launch.graph import Node

CONFIG = {"teacher": {"shape": None, "pretrained": "bert"}, "student_name": "bilstm"}
SIZE = {"params": 10, "params_without_embeddings": 4, "size_bytes": 40}
RIGHT, WRONG = [1.0, 0.0], [0.0, 1.0]  # logits; every row is of the first class


@pytest.fixture
def evaluated(tmp_path):
    """A function: an evaluation's folder, with the outputs of each task's rows."""

    def folder(name, **tasks):
        out = tmp_path / name
        out.mkdir()
        scores = {}
        for task, outputs in tasks.items():
            lines = [{"id": n, "gold": 0, "output": o} for n, o in enumerate(outputs)]
            (out / f"{task}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
            right = sum(output == RIGHT for output in outputs)
            scores[task] = {"accuracy": 100 * right / len(outputs)}
        (out / "scores.json").write_text(json.dumps({"scores": scores, "parameters": SIZE}))
        return [out]

    return folder


def test_what_is_kept_counts_the_tasks_that_the_student_has_learnt(evaluated, tmp_path):
    found = quality(
        CONFIG,
        ["a", "b"],
        {
            "teacher": evaluated("teacher", a=[RIGHT, RIGHT], b=[WRONG, WRONG]),
            "student": evaluated("student", a=[RIGHT, WRONG]),
        },
        tmp_path,
        {},
        {},
    )
    assert found["retention"] == 0.5


def test_a_group_has_no_mean_of_a_network_that_lacks_a_task_of_it(evaluated, tmp_path):
    folders = {
        "teacher": evaluated("teacher", a=[RIGHT, RIGHT], b=[WRONG, RIGHT]),
        "student": evaluated("student", a=[RIGHT, WRONG]),
    }
    groups = {"in_domain": ["a"], "out_of_domain": ["b"]}
    found = quality(CONFIG, ["a", "b"], folders, tmp_path, groups, {})["groups"]
    assert found["in_domain"]["macro"] == {"teacher": 100, "student": 50}
    assert found["out_of_domain"]["macro"] == {"teacher": 50, "student": None}


def test_agreement_is_with_the_network_that_taught(evaluated, tmp_path):
    found = quality(
        CONFIG,
        ["a"],
        {
            "teacher": evaluated("teacher", a=[RIGHT, RIGHT]),
            "other_teacher": evaluated("other_teacher", a=[WRONG, WRONG]),
            "student": evaluated("student", a=[RIGHT, WRONG]),
            "other": evaluated("other", a=[WRONG, WRONG]),
            "gold": evaluated("gold", a=[WRONG, RIGHT]),
            "plain": evaluated("plain", a=[WRONG, RIGHT]),
        },
        tmp_path,
        {},
        {"other": "other_teacher", "gold": "other_teacher", "plain": ""},
    )
    assert found["student"]["agreement"]["a"] == 50
    assert found["variants"]["other"]["agreement"]["a"] == 100
    assert found["variants"]["gold"]["agreement"]["a"] == 50
    assert found["variants"]["other"].items() >= SIZE.items()
    assert found["variants"]["plain"]["agreement"] == {}  # its teacher is not scored


def test_rates_are_those_that_were_chosen(tmp_path):
    """Also of a network that was refined afterwards; of one without a search nothing."""

    def best(name, rate):
        (tmp_path / name).mkdir()
        (tmp_path / name / "choice.json").write_text(json.dumps({"best": rate, "scores": {}}))
        return Node("best", name, {})

    both = best("both", "1e-09")
    networks = {
        "teacher": {("a", "b"): Node("teacher", "", {})},
        "student": {("a",): best("one", "0.02"), ("b",): best("two", "0.3")},
        "joint": {("a", "b"): both},
        "refined": {("a",): Node("student", "", {}, {"start": both})},
    }
    assert rates(networks, lambda node: tmp_path / node.label) == {
        "rates": {
            "student": {"a": 0.02, "b": 0.3},
            "joint": {"a": 1e-9, "b": 1e-9},
            "refined": {"a": 1e-9},
        }
    }
    assert rates({"teacher": networks["teacher"]}, lambda _: tmp_path) == {}
