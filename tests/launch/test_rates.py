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
