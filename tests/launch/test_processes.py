"""A job of several processes: what they share, and how they end."""

import logging
import re
import signal
import time
from itertools import accumulate
from pathlib import Path

import pytest
from commands import call, plain, results, start

from kdlight.launch.processes import LOG, Helpers, processes
from kdlight.launch.sweep.job import IN_SWEEP

WORDS = ["+experiment=mitkd", "scale=smoke", "data.max_rows=64", "data.eval_rows=48", "logger=csv"]
TWO = "launcher.processes=2"
PATIENCE = 120.0  # seconds


def wait_for(what):
    until = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def helpers_of(process):
    """The helpers among the children of a command."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    numbers = children.read_text().split() if children.exists() else []
    return [
        n for n in numbers if b"kdlight.launch.helper" in Path(f"/proc/{n}/cmdline").read_bytes()
    ]


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_two_processes_share_a_job_and_its_result_is_that_of_one(tmp_path, monkeypatch):
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    for folder in (alone, shared):
        folder.mkdir()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert call(alone, monkeypatch, *WORDS) == 0
    assert call(shared, monkeypatch, *WORDS, TWO) == 0
    (one,), (two,) = results(alone), results(shared)
    for key in ("teacher", "student", "baseline", "variants", "groups", "macro"):
        assert one[key] == two[key]
    assert set(one["wall_s"]) == set(two["wall_s"])
    assert two["reused"] == []
    (said,) = shared.glob("outputs/runs/*/*/kdlight.log")
    told = re.findall(r"\] (.*): (builds|done in .*)", said.read_text())
    begun = [title for title, what in told if what == "builds"]
    assert len(begun) == len(set(begun)) == len(two["wall_s"])
    at_work = accumulate(1 if what == "builds" else -1 for _, what in told)
    assert sum(count == 2 for count in at_work) > len(begun) / 4
    assert not list(shared.glob(f"outputs/runs/*/*/{LOG}"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_helpers_end_with_their_job_which_goes_on_from_there(tmp_path, monkeypatch, number):
    longer = [*WORDS, TWO, "method.text.max_steps=3000", "teacher.pretrain.max_steps=20"]
    process = start(tmp_path, *longer)
    helper = wait_for(lambda: helpers_of(process))[0]
    wait_for(lambda: list(tmp_path.glob("outputs/artifacts/agnostic/*.building")))
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    if number == signal.SIGTERM:
        assert process.returncode == 2
        assert "Stopped" in said
        assert not alive(helper)
    wait_for(lambda: not alive(helper))
    assert not results(tmp_path)
    assert call(tmp_path, monkeypatch, *longer, "job=teacher") == 0
    (found,) = results(tmp_path)
    assert found["teacher"]


def test_of_a_helper_that_fails_it_is_told_where_the_reason_stands(tmp_path, caplog):
    config = {"trainer": {"accelerator": "cpu"}}
    with caplog.at_level(logging.WARNING, "kdlight"), Helpers(config, tmp_path, 1) as helpers:
        helpers.finish()
    assert "A helper ended with status 1" in caplog.text
    assert "KeyError" in (tmp_path / LOG).read_text()


@pytest.mark.parametrize(
    ("words", "in_sweep", "count"),
    [
        (["launcher.processes=3"], False, 3),
        (["launcher.processes=3"], True, 1),
        (["launcher.processes=3", "job=benchmark"], False, 1),
        (["launcher.processes=3", "trainer=ddp", "trainer.devices=2"], False, 1),
        ([], False, 1),
    ],
)
def test_a_job_of_a_sweep_of_several_devices_or_a_measurement_has_one(
    monkeypatch, words, in_sweep, count
):
    monkeypatch.delenv(IN_SWEEP, raising=False)
    if in_sweep:
        monkeypatch.setenv(IN_SWEEP, "1")
    assert processes(plain(*words, experiment="mitkd")) == count
