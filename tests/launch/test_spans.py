"""Span and multiple-choice tasks in a whole job: one teacher for all, each scored its own way."""

import json

import pytest
from commands import call, results

from kdlight.metrics.answers import best_match, by_words
from kdlight.report.collect import find_runs

SMOKE = ["scale=smoke", "data.max_rows=64", "data.eval_rows=48", "teacher.leave_out=[]",
         "data.low_resource.tasks=[]"]  # fmt: skip


def predicted(folder, task):
    (path,) = folder.glob(f"outputs/runs/*/*/predictions/{task}.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_spans_with_and_without_answer(tmp_path, monkeypatch):
    assert call(tmp_path, monkeypatch, "+experiment=mitkd", *SMOKE, "task=[sst2,squad2]") == 0
    (found,) = results(tmp_path)
    rows = predicted(tmp_path, "squad2")
    assert any(not row["gold"] for row in rows)
    assert any(row["gold"] for row in rows)
    for name in ("teacher", "student", "baseline"):
        matches = [best_match(row[name], row["gold"], by_words) for row in rows]
        for number, metric in enumerate(("exact_match", "f1")):
            mean = 100 * sum(match[number] for match in matches) / len(rows)
            assert found[name]["scores"]["squad2"][metric] == pytest.approx(mean)
    find_runs(f"{tmp_path}/outputs/runs/*/*")[0].check()


def test_the_second_language_brings_spans_and_options(tmp_path, monkeypatch):
    tasks = "task=[chnsenticorp,cmrc2018,chid]"
    assert call(tmp_path, monkeypatch, "+experiment=mitkd_zh", *SMOKE, tasks) == 0
    (found,) = results(tmp_path)
    assert found["groups"]["in_domain"]["tasks"] == ["chnsenticorp", "cmrc2018", "chid"]
    assert set(found["student"]["scores"]["cmrc2018"]) == {"exact_match", "f1"}
    assert all(" " not in row["teacher"] for row in predicted(tmp_path, "cmrc2018"))
    rows = predicted(tmp_path, "chid")
    right = sum(row["gold"] == max(range(len(row["student"])), key=row["student"].__getitem__)
                for row in rows)  # fmt: skip
    assert found["student"]["scores"]["chid"]["accuracy"] == pytest.approx(100 * right / len(rows))
