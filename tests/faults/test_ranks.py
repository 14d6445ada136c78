"""Ranks that are killed, and ranks whose planner is: no process stays, and the work goes on."""

import os
import signal

from commands import SMOKE
from faults.harness import ROUNDS, contents, mentioning, sentence, wait_until

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "job=teacher"]
LONG = [*SMOKE, *TWO, "teacher.max_epochs=60", "trainer.checkpoint_seconds=0.2"]
STATE = "outputs/artifacts/teacher/*.building/checkpoints/last.*.ckpt"


def workers(folder):
    """Process ids of the ranks that work below `folder`."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and "kdlight.launch.worker" in words and "--nnodes" not in words:
            found.append(int(entry))
    return found


def training(nursery, folder):
    """A two-rank command that has saved a state of its own."""
    before = set(folder.glob(STATE))
    command = nursery.start(folder, *LONG, settings={"OMP_NUM_THREADS": "1"})
    wait_until(lambda: set(folder.glob(STATE)) - before, 240, command.said)
    return command


def nothing_runs(folder):
    wait_until(lambda: not mentioning(str(folder)), 40, lambda: str(mentioning(str(folder))))


def test_killed_ranks_and_a_killed_planner(nursery, tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    command = training(nursery, folder)
    ranks = workers(folder)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    assert command.wait(120) == 2, command.said()
    assert "failed; see" in sentence(command.said())
    assert "worker.log" in sentence(command.said())
    nothing_runs(folder)
    command = training(nursery, folder)
    command.kill()
    command.wait()
    nothing_runs(folder)
    assert not list(folder.glob("outputs/artifacts/teacher/*/manifest.json"))
    if ROUNDS > 1:
        command = training(nursery, folder)
        assert "continues from the checkpoint" in command.said()
        os.killpg(command.pid, signal.SIGINT)  # as Ctrl-C does
        assert command.wait(120) == 2, command.said()
        assert "topped" in sentence(command.said())
        nothing_runs(folder)
        whole = tmp_path / "whole"
        whole.mkdir()
        for place in (folder, whole):
            last = nursery.start(place, *LONG, settings={"OMP_NUM_THREADS": "1"})
            assert last.wait(300) == 0, last.said()
        assert contents(folder) == contents(whole)
