"""Span and multiple-choice tasks in a whole job: one teacher for all, each scored its own way."""

import json

import numpy as np
import pytest
import torch
from commands import call, results
from safetensors.torch import load_file

from kdlight.data.encoded import EncodedRows
from kdlight.data.loader import EvalLoader
from kdlight.methods.scoring import scoring
from kdlight.metrics.answers import best_match, by_words
from kdlight.models.build import load_student
from kdlight.report.collect import find_runs

SMOKE = ["scale=smoke", "data.max_rows=64", "data.eval_rows=48", "teacher.leave_out=[]",
         "data.low_resource.tasks=[]"]  # fmt: skip


def predicted(folder, task):
    (path,) = folder.glob(f"outputs/runs/*/*/predictions/{task}.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_spans_with_and_without_answer(tmp_path, monkeypatch):
    more = ["data.max_rows=200", "task=[sst2,squad2]"]  # among few rows all might have an answer
    assert call(tmp_path, monkeypatch, "+experiment=mitkd", *SMOKE, *more) == 0
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
    the_threshold_decides(tmp_path, rows)


def the_threshold_decides(folder, rows):
    """What was found on the selection rows is kept with the network, and answers follow from it."""
    manifests = folder.glob("outputs/artifacts/student/*/manifest.json")
    made = {json.loads(path.read_text())["title"]: path for path in manifests}
    path = made["student squad2 (student)"]
    about = json.loads(path.read_text())
    stored = load_file(path.parent / "heads.safetensors")["squad2.null_threshold"]
    assert torch.isfinite(stored)
    model = load_student(path.parent)
    assert model.null_threshold("squad2") == float(stored)
    tokens = folder / "outputs/artifacts/tokens" / about["parents"]["tokens/squad2"]
    task = about["config"]["tasks"]["squad2"]
    again = scored(model, task, EncodedRows(tokens / "selection", "squad2"))
    again.compute()
    assert float(stored) == pytest.approx(again.threshold, abs=1e-4)
    at = {}
    for threshold in (float(stored), -1e9, 1e9):
        scores = scored(model, task, EncodedRows(tokens / "eval", "squad2"), threshold)
        scores.compute()
        at[threshold] = [text for _, text in scores.outputs]
    assert at[float(stored)] == [row["student"] for row in rows]
    assert not any(at[-1e9])
    assert all(at[1e9])
    # "None" is given where it beats the best answer of all windows by more than what is stored.
    found = again.found.numpy()
    examples = np.asarray(again.questions.examples)
    margins = [
        found[examples == n, 3].min() - found[examples == n, 0].max() for n in np.unique(examples)
    ]
    empty = [not text for _, text in again.outputs]
    assert empty == [margin > again.threshold for margin in margins]


def scored(model, task, rows, threshold=None):
    """The scores of a span task, fed with a network's outputs."""
    scores = scoring(task).scores(task, rows, across_ranks=False, threshold=threshold)
    with torch.inference_mode():
        for batch in EvalLoader(rows, 16, model.reads):
            scores.update(model(batch).part("logits"), batch)
    return scores


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
