"""What is shown, and told to a sweep, after a validation."""

from types import SimpleNamespace

import pytest
import torch

from kdlight.methods import progress
from kdlight.methods.progress import ProgressCallback


@pytest.mark.parametrize(
    ("metrics", "note", "told"),
    [
        ({"val/macro": 81.26}, "val/macro 81.3", [81.26]),
        ({"val/macro": -0.01234, "val/text/loss": 0.01234}, "val/text/loss 0.01234", []),
    ],
)
def test_a_loss_on_text_is_shown_and_is_no_score(monkeypatch, metrics, note, told):
    scores = []
    tell = SimpleNamespace(tell=lambda **found: scores.append(found["score"]))
    monkeypatch.setattr(progress, "channel", lambda: tell)
    callback = ProgressCallback("student", 10, 4, quiet=True)
    callback._meter = SimpleNamespace(note="")
    found = {name: torch.tensor(value) for name, value in metrics.items()}
    callback.on_validation_end(SimpleNamespace(callback_metrics=found, global_step=5), None)
    assert callback._meter.note == note
    assert scores == pytest.approx(told)
