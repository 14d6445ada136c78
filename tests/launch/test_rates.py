"""A search of the learning rate: each student is trained at each, and the best one is reported."""

import json

import pytest
from commands import SMOKE, call, results


def test_a_bilstm_at_its_better_rate_is_reported(tmp_path, monkeypatch):
    """It is no Hugging Face folder, as a teacher is."""
    rates = ["+method.rates=[1e-9,2e-2]", "baseline=false"]
    assert call(tmp_path, monkeypatch, *SMOKE, *rates) == 0
    (found,) = results(tmp_path)
    (kept,) = tmp_path.glob("outputs/artifacts/best/*/choice.json")
    choice = json.loads(kept.read_text())
    assert set(choice["scores"]) == {"1e-09", "0.02"}
    most = max(choice["scores"].values())
    assert choice["scores"][choice["best"]] == most
    assert min(choice["scores"].values()) < most  # the one that did not learn
    assert found["selection_macro"]["student"] == pytest.approx(most)
    assert found["student"]["scores"]["sst2"]["accuracy"] > 0
    assert found["rates"] == {"student": {"sst2": float(choice["best"])}}


def test_every_student_of_plain_text_is_tried_at_each(tmp_path, monkeypatch, capsys):
    """The same search for all arms, on one body each; the result says what it chose."""
    words = ["+experiment=mitkd", "scale=smoke", "data.max_rows=64", "data.eval_rows=48"]
    words += ["task=[sst2,mrpc]", "teacher.leave_out=[]", "data.low_resource.tasks=[]"]
    rates = ["method.rates=[1e-9,2e-2]", "trainer.max_steps=8"]
    assert call(tmp_path, monkeypatch, *words, *rates) == 0
    (found,) = results(tmp_path)
    assert set(found["rates"]) == {"student", "baseline", "plain"}
    choices = {
        json.loads((path.parent / "manifest.json").read_text())["title"]: json.loads(
            path.read_text()
        )
        for path in tmp_path.glob("outputs/artifacts/best/*/choice.json")
    }
    said = " ".join(capsys.readouterr().out.split())
    for name, chosen in found["rates"].items():
        assert set(chosen) == {"sst2", "mrpc"}
        for task, rate in chosen.items():
            choice = choices[f"best {task} ({name})"]
            assert rate == float(choice["best"])
            assert choice["scores"][choice["best"]] == max(choice["scores"].values())
    assert "Learning rate of student, distilled: " in said
    assert "Learning rate of student, random weights: " in said
    assert len(list(tmp_path.glob("outputs/artifacts/agnostic/*/manifest.json"))) == 2


def test_a_rate_that_diverges_is_left_out(tmp_path, monkeypatch, capsys):
    """One of many trainings must not stop a night's search; where all do, the reason is told."""
    assert call(tmp_path, monkeypatch, *SMOKE, "+method.rates=[2e-2,1e9]", "baseline=false") == 0
    (found,) = results(tmp_path)
    assert found["rates"] == {"student": {"sst2": 0.02}}
    (kept,) = tmp_path.glob("outputs/artifacts/best/*/choice.json")
    scores = json.loads(kept.read_text())["scores"]
    assert scores["1000000000.0"] is None
    assert scores["0.02"] > 0
    told = capsys.readouterr().err
    assert "lower the learning rate" in told
    assert "Another rate is to do better" in told
    assert call(tmp_path, monkeypatch, *SMOKE, "+method.rates=[1e9]", "baseline=false") == 2
    assert "it diverged at all rates (1000000000.0)" in capsys.readouterr().err
