"""The rows of a task learnt from few of them: drawn from all, and short classes are told."""

import json
import logging

import pytest
from commands import plain

from kdlight.data.rows import read_rows
from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms
from kdlight.launch.plan import Plan
from kdlight.stages import task_rows
from kdlight.types import StageSpec


@pytest.fixture
def job(tmp_path):
    """Makes the configuration of a job on files: 400 rows of cola, of which 20 are of class 0."""
    for name in ("sst2", "mrpc", "cola"):
        (tmp_path / name).mkdir()
        for split in ("train", "dev"):
            rows = [
                {"text_a": f"text {n}", "text_b": f"other {n}", "label": int(n % 20 > 0)}
                for n in range(400)
            ]
            keep = rows if name == "mrpc" else [{**row, "text_b": None} for row in rows]
            lines = (json.dumps({k: v for k, v in row.items() if v is not None}) for row in keep)
            (tmp_path / name / f"{split}.jsonl").write_text("\n".join(lines))
    (corpus := tmp_path / "corpus.txt").write_text("some words")
    folders = [f"++task.{name}.folder={name}" for name in ("sst2", "mrpc", "cola")]

    def make(*words):
        source = ["data.source=files", f"data.root={tmp_path}", f"data.corpus=[{corpus}]"]
        few = ["data.max_rows=40", "data.selection_rows=40"]
        return plain(*source, *few, *folders, *words, experiment="mitkd")

    return make


def drawn(plan, name, folder):
    """Train rows and facts of a task."""
    node = plan.rows(name)
    folder.mkdir()
    runtime = {**node.runtime, "title": node.title}
    task_rows.run(StageSpec(node.kind, node.config, {}, str(folder), runtime))
    facts = folder / "facts.json"
    rows = list(read_rows(folder / "train.arrow"))
    return rows, json.loads(facts.read_text()) if facts.exists() else {}


def test_few_rows_are_drawn_from_all_that_there_are(job, tmp_path, caplog):
    plan = Plan(job("data.low_resource={tasks: [cola], rows: [12], draws: 2}"))
    found = [drawn(plan, f"cola_12rows_{n}", tmp_path / f"{n}") for n in (1, 2)]
    for rows, facts in found:
        assert sorted(row.label for row in rows) == [0] * 12 + [1] * 12  # of 40 rows only 2 would
        assert "train" not in facts.get("short", {})
    rare = [{row.id for row in rows if row.label == 0} for rows, _ in found]
    assert rare[0] != rare[1]
    assert not [record for record in caplog.records if "rows a class" in record.message]
    rows, _ = drawn(plan, "cola", tmp_path / "whole")
    assert len(rows) == 40


def test_a_class_that_runs_short_is_told(job, tmp_path, caplog):
    plan = Plan(job("data.low_resource={tasks: [cola], rows: [30], draws: 1}"))
    rows, facts = drawn(plan, "cola_30rows_1", tmp_path / "rows")
    rare = sum(row.label == 0 for row in rows)
    assert 12 < rare <= 20
    name = plan.tasks["cola"].labels[0]
    assert facts["short"]["train"] == {name: rare}
    assert f"30 rows a class are wanted, and all draws share the same few of {name} ({rare})" in (
        caplog.text
    )


def test_a_task_that_the_teacher_has_learnt_is_no_low_resource_task(job, caplog):
    def warnings(*words):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            config = job(*words)
            plan = Plan(config)
            for name, parts in arms(config).items():
                Arm(plan, name, parts)
        return [record.message for record in caplog.records]

    assert not warnings("data.low_resource.tasks=[cola]")
    (told,) = warnings("data.low_resource.tasks=[sst2,cola]")
    assert "the teacher learns sst2 from all rows" in told
    assert "'teacher.leave_out=[sst2]'" in told


def read_of(folder, part):
    return [row.id for row in read_rows(folder / f"{part}.arrow")]


def test_a_sample_is_reported_of_more_rows_than_wanted(job, tmp_path):
    """Not the first: real files are often ordered. It is the same for every seed."""
    every = [row.id for row in _dev(job("data.eval_rows=null"), tmp_path / "all")]
    assert len(every) == 400
    found = []
    for seed in (0, 1):
        config = job("data.eval_rows=100", f"data.seed={seed}", "selection=dev")
        drawn(Plan(config), "cola", tmp_path / f"{seed}")
        found.append(read_of(tmp_path / f"{seed}", "eval"))
        assert read_of(tmp_path / f"{seed}", "selection") == found[-1]
    assert found[0] == found[1]
    assert len(set(found[0])) == 100
    places = [every.index(name) for name in found[0]]
    assert places == sorted(places)
    assert 30 <= sum(place >= 200 for place in places) <= 70


def _dev(config, folder):
    drawn(Plan(config), "cola", folder)
    return read_rows(folder / "eval.arrow")


def test_unlabelled_rows_are_read_where_a_network_learns_from_them(job, tmp_path):
    (tmp_path / "cola/unlabelled.jsonl").write_text('{"text_a": "some words"}\n' * 7)
    config = job()
    assert config["data"]["unlabelled_rows"] >= 7
    drawn(Plan(config), "cola", tmp_path / "agnostic")
    assert read_of(tmp_path / "agnostic", "unlabelled") == []
    config["method"]["learns_from"] = "teacher"
    drawn(Plan(config), "cola", tmp_path / "distilled")
    assert len(read_of(tmp_path / "distilled", "unlabelled")) == 7


def test_a_draw_of_few_rows_keeps_all_its_labels(job):
    config = job("data.low_resource={tasks: [cola], rows: [12], draws: 1}", "data.student_labels=5")
    plan, augmentation = Plan(config), {**config["augmentation"]}
    assert plan.transfer_set("cola", augmentation).config["student_labels"] == 5
    assert plan.transfer_set("cola_12rows_1", augmentation).config["student_labels"] is None


def test_answers_that_are_not_where_they_say_are_counted_and_told(tmp_path, caplog):
    """In train the first is elsewhere, the second nowhere: it cannot be learnt from, and is left
    out. In dev, of whose rows all select, the first stands nowhere and is scored by its text."""
    (tmp_path / "squad").mkdir()
    for split, lost in (("train", 1), ("dev", 0)):
        paragraphs = [
            {
                "context": "the cat sat",
                "qas": [{"id": f"{n}", "question": "who?", "answers": [
                    {"text": "dog" if n == lost else "cat",
                     "answer_start": 4 if n else 0}
                ]}],
            }
            for n in range(20)
        ]  # fmt: skip
        made = {"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}
        (tmp_path / "squad" / f"{split}.json").write_text(json.dumps(made))
    (corpus := tmp_path / "corpus.txt").write_text("some words")
    source = ["data.source=files", f"data.root={tmp_path}", f"data.corpus=[{corpus}]"]
    words = [*source, "task=[squad1]", "++task.squad1.folder=squad", "selection=dev"]
    rows, facts = drawn(Plan(plain(*words, experiment="mitkd")), "squad1", tmp_path / "rows")
    counts = {name: (found["moved"], found["nowhere"]) for name, found in facts.items()}
    assert counts == {"train": (1, 1), "eval": (0, 1), "selection": (0, 1)}
    assert {name: found["left_out"] for name, found in facts.items()} == {
        "train": ["train-1"], "eval": [], "selection": []
    }  # fmt: skip
    assert sorted(row.id for row in rows) == sorted(f"train-{n}" for n in range(20) if n != 1)
    assert "nowhere in their context, or more than once; left out: train-1." in caplog.text
    for name, (moved, nowhere) in counts.items():
        told = (
            f"{name}: {moved} answers were not where they say and were found elsewhere, {nowhere}"
        )
        assert told in caplog.text
