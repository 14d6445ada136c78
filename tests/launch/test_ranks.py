"""A stage on two ranks (gloo) makes what one process makes."""

import re
import shutil

import pytest
import torch
from commands import SMOKE, call, results
from safetensors.torch import load_file

STILL = {
    "kd_bilstm": ["student.encoder.dropout=0", "student.head.dropout=0"],
    "mkd_lstm": ["student.encoder.dropout=0", "student.head.dropout=0"],
    "mkd_transformer3": [
        "+student.encoder.shape.hidden_dropout_prob=0",
        "+student.encoder.shape.attention_probs_dropout_prob=0",
        "student.head.dropout=0",
    ],
}
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]


def student(folder):
    return weights(folder, "student")


def weights(folder, kind):
    files = folder.glob(f"outputs/artifacts/{kind}/*/**/*.safetensors")
    return {f"{file.name}/{k}": v for file in files for k, v in load_file(file).items()}


@pytest.mark.parametrize("experiment", STILL)
def test_two_ranks_make_the_student_of_one(tmp_path, monkeypatch, capfd, experiment):
    """Heads that a batch does not use are moved by neither, not even by momentum or decay."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    options = [f"+experiment={experiment}", "scale=smoke", *STILL[experiment], "baseline=false"]
    options.append("+optimizer.eps=1e-3")  # else the noise of small gradients is blown up
    assert call(one, monkeypatch, *options) == 0
    shutil.copytree(one / "outputs", two / "outputs")
    for kind in ("student", "teacher_outputs", "evaluate", "latency"):
        shutil.rmtree(two / "outputs/artifacts" / kind)
    shutil.rmtree(two / "outputs/runs")
    capfd.readouterr()
    assert call(two, monkeypatch, *options, *TWO) == 0
    assert not re.search(r"\] teacher [^\n]*: builds", capfd.readouterr().err)
    alone, together = student(one), student(two)
    assert alone.keys() == together.keys()
    assert len(alone) > 10
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=5e-5)
    (first,), (second,) = results(one), results(two)
    for task, metrics in first["student"]["scores"].items():
        assert second["student"]["scores"][task] == pytest.approx(metrics, abs=0.01)


def test_two_machines_make_the_student_of_one(tmp_path, monkeypatch):
    """Two agents of one rank each, here both on this machine, meet and train together."""
    agents = tmp_path / "on_every_node"
    agents.write_text('#!/bin/sh\n"$@" & "$@" & wait\n')
    agents.chmod(0o755)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    options = [*SMOKE, *STILL["kd_bilstm"], "baseline=false"]
    assert call(one, monkeypatch, *options) == 0
    shutil.copytree(one / "outputs", two / "outputs")
    for kind in ("student", "evaluate", "latency"):
        shutil.rmtree(two / "outputs/artifacts" / kind)
    shutil.rmtree(two / "outputs/runs")
    nodes = ["trainer.devices=1", "trainer.num_nodes=2", f"trainer.on_every_node={agents}"]
    assert call(two, monkeypatch, *options, *TWO[:2], *nodes) == 0
    alone, together = student(one), student(two)
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=5e-5)


def test_a_teacher_in_parts_is_the_teacher_of_one_process(tmp_path, monkeypatch):
    """FSDP: on processors here, as on GPUs."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    still = ["hidden_dropout_prob=0", "attention_probs_dropout_prob=0"]
    options = ["+experiment=mkd_transformer3", "scale=smoke", "baseline=false", "job=student"]
    options += [f"+teacher.shape.{word}" for word in still]
    options += [f"+student.encoder.shape.{word}" for word in still]
    options += ["teacher.head.dropout=0", "student.head.dropout=0"]
    parts = ["trainer=fsdp", *TWO[1:], "trainer.checkpoint_seconds=0"]
    assert call(one, monkeypatch, *options) == 0
    assert call(two, monkeypatch, *options, *parts) == 0
    for kind in ("teacher", "student"):
        alone, together = weights(one, kind), weights(two, kind)
        assert len(alone) > 10
        for name, weight in alone.items():
            torch.testing.assert_close(together[name], weight, rtol=1e-3, atol=1e-4)


def test_what_a_rank_refuses_is_said_by_the_planner(tmp_path, monkeypatch, capfd):
    status = call(tmp_path, monkeypatch, *SMOKE, *TWO, "teacher.pooling=medium", "data.max_rows=64")
    assert status == 2
    said = capfd.readouterr().err
    assert "teacher.pooling=medium is not one of cls, mean, pooler" in said
    assert "Traceback" not in said
