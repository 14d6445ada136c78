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
