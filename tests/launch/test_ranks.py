"""A stage on two ranks (gloo) makes what one process makes."""

import os
import re

import pytest
import torch
from commands import SMOKE, call, results, share
from safetensors.torch import load_file

from kdlight.launch.ranks import _threads as threads
from kdlight.launch.sweep.job import IN_SWEEP

STILL = {
    "kd_bilstm": ["student.encoder.dropout=0", "student.head.dropout=0"],
    "mkd_lstm": ["student.encoder.dropout=0", "student.head.dropout=0"],
    "mkd_transformer3": [
        "+student.encoder.shape.hidden_dropout_prob=0",
        "+student.encoder.shape.attention_probs_dropout_prob=0",
        "student.head.dropout=0",
        "teacher.source=live",
        "loss=[logit_mse,hidden,attention]",
    ],
}
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]


def weights(folder, kind):
    files = folder.glob(f"outputs/artifacts/{kind}/*/**/*.safetensors")
    return {f"{file.name}/{k}": v for file in files for k, v in load_file(file).items()}


def check_alike(one, two, kind, **tolerance):
    alone, together = weights(one, kind), weights(two, kind)
    assert alone.keys() == together.keys()
    assert len(alone) > 10
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, **tolerance)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """`alone(experiment)`: the folder of a run of one process, and what was typed for it."""
    made = {}

    def run(experiment):
        options = [f"+experiment={experiment}", "scale=smoke", *STILL[experiment]]
        # An eps, else the noise of small gradients is blown up.
        options += ["baseline=false", "+optimizer.eps=1e-3"]
        if experiment not in made:
            made[experiment] = tmp_path_factory.mktemp(experiment)
            with pytest.MonkeyPatch.context() as patch:
                assert call(made[experiment], patch, *options) == 0
        return made[experiment], options

    return run


@pytest.mark.parametrize("experiment", STILL)
def test_two_ranks_make_the_student_of_one(alone, tmp_path, monkeypatch, capfd, experiment):
    """Heads that a batch does not use are moved by neither, not even by momentum or decay."""
    one, options = alone(experiment)
    filled = ["teacher_outputs"] if experiment == "kd_bilstm" else []  # once is enough
    share(one, tmp_path, ["student", *filled, "evaluate"])
    capfd.readouterr()
    assert call(tmp_path, monkeypatch, *options, *TWO) == 0
    built = re.findall(r"\] (\S+) [^\n]*: builds", capfd.readouterr().err)
    assert sorted(built) == sorted(["student", *filled, *2 * ["evaluate"]])
    check_alike(one, tmp_path, "student", rtol=1e-4, atol=5e-5)
    (first,), (second,) = results(one), results(tmp_path)
    for task, metrics in first["student"]["scores"].items():
        assert second["student"]["scores"][task] == pytest.approx(metrics, abs=0.01)


def test_two_ranks_make_the_encoder_of_one(tmp_path, monkeypatch):
    """Relations reach no more of the last layer than queries, keys and values: the rest stays."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    options = ["+experiment=mitkd", "scale=smoke", "teacher=plain", "task=[sst2]", "job=student"]
    options += ["teacher.leave_out=[]", "data.low_resource.tasks=[]", "baseline=false"]
    options += ["~variants.plain", *STILL["mkd_transformer3"][:2], "data.max_rows=64"]
    options += ["+method.text.optimizer.eps=1e-3", "method.text.optimizer.weight_decay=0.5"]
    assert call(one, monkeypatch, *options) == 0
    share(one, two, ["agnostic", "student"])
    assert call(two, monkeypatch, *options, *TWO) == 0
    check_alike(one, two, "agnostic", rtol=1e-4, atol=5e-5)


def test_two_machines_make_the_student_of_one(alone, tmp_path, monkeypatch):
    """Two agents of one rank each, here both on this machine, meet and train together."""
    agents = tmp_path / "on_every_node"
    agents.write_text('#!/bin/sh\n"$@" & "$@" & wait\n')
    agents.chmod(0o755)
    one, options = alone("kd_bilstm")
    share(one, tmp_path)
    nodes = ["trainer.devices=1", "trainer.num_nodes=2", f"trainer.on_every_node={agents}"]
    assert call(tmp_path, monkeypatch, *options, *TWO[:2], *nodes, "job=student") == 0
    check_alike(one, tmp_path, "student", rtol=1e-4, atol=5e-5)


def test_a_teacher_in_parts_is_the_teacher_of_one_process(tmp_path, monkeypatch):
    """FSDP: on processors here, as on GPUs. The store of the teacher is that of one process."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    still = ["hidden_dropout_prob=0", "attention_probs_dropout_prob=0"]
    options = ["+experiment=mkd_transformer3", "scale=smoke", "baseline=false", "job=student"]
    options += [f"+teacher.shape.{word}" for word in still]
    options += [f"+student.encoder.shape.{word}" for word in still]
    options += ["teacher.head.dropout=0", "student.head.dropout=0"]
    parts = ["trainer=fsdp", *TWO[1:], "trainer.checkpoint_seconds=0"]
    assert call(one, monkeypatch, *options) == 0
    share(one, two, ["teacher", "student"])
    assert call(two, monkeypatch, *options, *parts) == 0
    for kind in ("teacher", "student"):
        check_alike(one, two, kind, rtol=1e-3, atol=1e-4)


def test_ranks_share_the_threads_of_a_job(monkeypatch):
    """In a sweep its share is divided; what a user sets for a process is kept elsewhere."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)))
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads(4) == "3"
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert threads(4) == "8"
    monkeypatch.setenv(IN_SWEEP, "1")
    assert [threads(ranks) for ranks in (1, 3, 4, 16)] == ["8", "2", "2", "1"]


def test_what_a_rank_refuses_is_said_by_the_planner(tmp_path, monkeypatch, capfd):
    status = call(tmp_path, monkeypatch, *SMOKE, *TWO, "teacher.pooling=medium", "data.max_rows=64")
    assert status == 2
    said = capfd.readouterr().err
    assert "pooling=medium is not one of cls, mean, pooler" in said
    assert "Traceback" not in said
