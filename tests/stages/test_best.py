"""Of networks trained at several rates the one with the best selection score is kept, whole."""

import json

import pytest

from kdlight.stages import best
from kdlight.types import StageSpec


def network(folder, *scores):
    folder.mkdir()
    lines = [f"{step},val/macro,{score}" for step, score in enumerate(scores)]
    lines.insert(1, "0,train/loss,999.0")
    (folder / "metrics.csv").write_text("\n".join(["step,metric,value", *lines, ""]))
    (folder / "weights.safetensors").write_text(folder.name)
    (folder / "manifest.json").write_text("{}")
    return str(folder)


@pytest.mark.parametrize("better", ["0.1", "0.3"])
def test_the_better_network_is_kept(tmp_path, better):
    inputs = {
        f"candidate/{rate}": network(tmp_path / rate, 50.0, 80.0 if rate == better else 70.0, 60.0)
        for rate in ("0.1", "0.3")
    }
    out = tmp_path / "out"
    out.mkdir()
    best.run(StageSpec("best", {}, {"tokenizer": str(tmp_path), **inputs}, str(out), {}))
    assert (out / "weights.safetensors").read_text() == better
    assert not (out / "manifest.json").exists()
    choice = json.loads((out / "choice.json").read_text())
    assert choice["best"] == better
    assert sorted(choice["scores"].values()) == [70.0, 80.0]
