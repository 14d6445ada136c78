"""`job=benchmark` at smoke scale: what it leaves, and what it says."""

import json

from commands import SMOKE, call, results


def test_a_benchmark_leaves_ratios_rates_padding_memory_and_latency(smoke, monkeypatch, capsys):
    assert call(smoke, monkeypatch, *SMOKE, "job=benchmark") == 0
    found = results(smoke)[-1]
    measured = found["benchmark"]["sst2"]
    assert {"teacher_outputs sst2", "teacher sst2"} <= set(found["reused"])
    assert "benchmark sst2" not in found["reused"]
    for part, unit in (("step", "rows"), ("store_epoch", "rows"), ("filling", "tokens")):
        assert measured[part]["ratio"] > 0
        assert sum(key.endswith(f"_{unit}_s") for key in measured[part]) == 2
        assert all(rate > 0 for key, rate in measured[part].items() if key.endswith("_s"))
    assert 0.5 < measured["padding"]["texts"] <= 1
    assert 0.5 < measured["filling"]["padding"] <= 1
    assert measured["filling"]["precision"] == "32-true"
    assert 100 << 20 < measured["peak_bytes"] < 8 << 30
    assert found["latency"]["speedup"] > 0
    assert found["flops"]["teacher"] > found["flops"]["student"] > 0
    (folder,) = smoke.glob("outputs/artifacts/benchmark/*/benchmark.json")
    assert json.loads(folder.read_text()) == measured
    said = capsys.readouterr().out
    assert "bare PyTorch loop" in said
    assert "peak memory" in said


def test_a_store_in_bf16_is_another_artifact_and_says_almost_the_same(smoke, monkeypatch):
    import numpy as np

    words = ("teacher.store_precision=bf16-true", "job=teacher_outputs")
    assert call(smoke, monkeypatch, *SMOKE, *words) == 0
    found = {}
    for path in smoke.glob("outputs/artifacts/teacher_outputs/*/manifest.json"):
        precision = json.loads(path.read_text())["config"]["precision"]
        found[precision] = np.load(path.with_name("logits.npy"))
    assert set(found) == {"32-true", "bf16-true"}
    full, half = found["32-true"], found["bf16-true"]
    assert half.dtype == np.float32
    assert not np.array_equal(full, half)
    np.testing.assert_allclose(half, full, atol=0.05 * np.abs(full).max())


def test_a_benchmark_without_a_teacher_is_refused(command, capfd):
    assert command("+experiment=finetune", "scale=smoke", "job=benchmark") != 0
    assert "no teacher" in capfd.readouterr().err


def test_a_precision_without_a_bare_loop_is_refused(smoke, monkeypatch, capfd):
    assert call(smoke, monkeypatch, *SMOKE, "job=benchmark", "trainer.precision=bf16-true") == 2
    assert "choose 32-true or bf16-mixed" in capfd.readouterr().err
