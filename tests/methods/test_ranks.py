"""Two ranks take the steps of one process: weights, optimizer, scores, and what is written."""

import random
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from commands import environment
from conftest import WORDS
from methods.two_tasks import INTERVAL, OUTPUTS, STEPS, train

from kdlight.launch.ranks import Ranks
from kdlight.types import Example

# Of an allocation by `sbatch --ntasks=4 --nodes=2`, whose script is no task of srun.
SLURM = {"SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "night", "SLURM_PROCID": "0"}
HELD = {"decided": 37, "graded": 33}  # on two ranks with 16 a batch: two batches and one


@pytest.fixture
def rows(encode, tmp_path):
    draw = random.Random(0)

    def example(number, pair):
        text = [" ".join(draw.choices(WORDS, k=draw.randint(1, 25))) for _ in range(2)]
        label = draw.random() if pair else draw.randint(0, 1)
        return Example(f"row-{number}", text[0], text[1] if pair else None, label)

    folder = tmp_path / "rows"
    for task, (_, pair) in OUTPUTS.items():
        for part, count in (("train", 50), ("held", HELD[task])):
            made = encode([example(number, pair) for number in range(count)], task=task)
            (folder / task).mkdir(parents=True, exist_ok=True)
            (folder / task / part).symlink_to(made.folder)
    return folder


def alike(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=2e-5)


def on_two_ranks(*words):
    script = str(Path(__file__).with_name("two_tasks.py"))
    rows, out, records, *odd = map(str, words)
    command = [*Ranks(2).torchrun(), script, rows, out, records, "2", *odd]
    done = subprocess.run(
        command,
        env={**environment(), **SLURM},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("odd", [0, 1])
def test_where_one_rank_diverges_all_stop_together(rows, tmp_path, odd):
    """None waits for the other, and each can say that this training is to be left out."""
    out, records = tmp_path / "out", tmp_path / "records"
    for folder in (out, records):
        folder.mkdir()
    on_two_ranks(rows, out, records, odd)
    said = [torch.load(records / f"{rank}.pt")["said"] for rank in range(2)]
    assert "is inf at step 2 (rows " in said[odd]
    assert "Another device met numbers that are not finite" in said[1 - odd]


def test_two_ranks_take_the_steps_of_one_process(rows, tmp_path, monkeypatch):
    one, two, records = (tmp_path / name for name in ("one", "two", "records"))
    for folder in (one, two, records):
        folder.mkdir()
    on_two_ranks(rows, two, records)
    for name, value in SLURM.items():  # they tell neither ranks nor a single process anything
        monkeypatch.setenv(name, value)
    alone = train(rows, one, 1)
    first, second = (torch.load(records / f"{rank}.pt") for rank in range(2))
    assert len(alone["steps"]) == STEPS
    assert {step["task"] for step in alone["steps"]} == set(OUTPUTS)
    for ranks in (first, second):
        for found, expected in zip(ranks["steps"], alone["steps"], strict=True):
            assert found["task"] == expected["task"]
            alike(found["weights"], expected["weights"])
            alike(found["optimizer"], expected["optimizer"])
        assert len(ranks["scores"]) == STEPS // INTERVAL
        for found, expected in zip(ranks["scores"], alone["scores"], strict=True):
            assert found == pytest.approx(expected, abs=0.05)
            assert 0 < expected["val/macro"] < 100
    check_idle(first["steps"])
    assert any("last." in path for path in first["written"])
    assert any("metrics.csv" in path for path in first["written"])
    assert second["written"] == []


def check_idle(steps):
    """A head that a batch does not use stays bit for bit, and so does its optimizer state."""
    seen = 0
    for before, after in pairwise(steps):
        for part in ("weights", "optimizer"):
            for name in before[part]:
                if name.startswith("model.heads.") and f".{after['task']}." not in name:
                    assert torch.equal(after[part][name], before[part][name]), name
                    seen += part == "optimizer"
    assert seen
