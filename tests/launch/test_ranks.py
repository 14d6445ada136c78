"""A stage on two ranks (gloo) makes what one process makes."""

import shutil

import torch
from commands import SMOKE, call, results
from safetensors.torch import load_file

STILL = ["student.encoder.dropout=0", "student.head.dropout=0"]
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]


def student(folder):
    (file,) = folder.glob("outputs/artifacts/student/*/weights.safetensors")
    return load_file(file)


def test_two_ranks_make_the_student_of_one(tmp_path, monkeypatch, capfd):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    assert call(one, monkeypatch, *SMOKE, *STILL, "baseline=false") == 0
    shutil.copytree(one / "outputs", two / "outputs")
    for kind in ("student", "teacher_outputs", "evaluate", "latency"):
        shutil.rmtree(two / "outputs/artifacts" / kind)
    shutil.rmtree(two / "outputs/runs")
    capfd.readouterr()
    assert call(two, monkeypatch, *SMOKE, *STILL, *TWO, "baseline=false") == 0
    assert "] teacher sst2: builds" not in capfd.readouterr().err
    alone, together = student(one), student(two)
    assert alone.keys() == together.keys()
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=1e-5)
    (first,), (second,) = results(one), results(two)
    assert first["student"]["scores"] == second["student"]["scores"]


def test_what_a_rank_refuses_is_said_by_the_planner(tmp_path, monkeypatch, capfd):
    status = call(tmp_path, monkeypatch, *SMOKE, *TWO, "teacher.pooling=medium", "data.max_rows=64")
    assert status == 2
    said = capfd.readouterr().err
    assert "teacher.pooling=medium is not one of cls, mean, pooler" in said
    assert "Traceback" not in said
