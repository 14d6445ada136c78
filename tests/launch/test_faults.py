"""Killed, started twice, damaged: the result is the same."""

import json
import os
import signal
import time

import pytest
from commands import SMOKE, call, results, start

LONG = [*SMOKE, "teacher.max_epochs=16", "trainer.max_epochs=16", "trainer.checkpoint_seconds=0.1"]


def weights(folder):
    """Bytes of all weights and predictions, by path inside the artifacts."""
    root = folder / "outputs/artifacts"
    files = [*root.rglob("*.safetensors"), *root.rglob("*.jsonl"), *root.rglob("metrics.csv")]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def wait_for(condition, process, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)


def test_a_killed_run_continues_to_the_same_weights(tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir(), cut.mkdir()
    assert call(whole, monkeypatch, *LONG, "baseline=false") == 0
    for kind in ("teacher", "student"):
        process = start(cut, *LONG, "baseline=false")
        pattern = f"outputs/artifacts/{kind}/*.building/checkpoints/last.ckpt"
        wait_for(lambda found=pattern: list(cut.glob(found)), process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not results(cut)
    last = start(cut, *LONG, "baseline=false")
    said, _ = last.communicate(timeout=240)
    assert last.returncode == 0, said
    assert "continues from the checkpoint" in said
    assert weights(cut) == weights(whole)
    assert len(weights(cut)) == 7  # encoder, heads, student, two curves, two predictions
    assert not list(cut.glob("outputs/artifacts/*/*.building"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_so(tmp_path, stop):
    process = start(tmp_path, *LONG, "teacher.max_epochs=400", "baseline=false")
    pattern = "outputs/artifacts/teacher/*.building/checkpoints/last.ckpt"
    wait_for(lambda: list(tmp_path.glob(pattern)), process)
    process.send_signal(stop)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "teacher sst2 was stopped; the same command continues it." in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("outputs/artifacts/teacher/*/manifest.json"))


def test_two_equal_commands_build_each_artifact_once(tmp_path):
    both = [start(tmp_path, *SMOKE, "baseline=false") for _ in range(2)]
    said = [process.communicate(timeout=400)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    built = [line.split("] ")[1] for text in said for line in text.splitlines() if "builds" in line]
    assert len(built) == len(set(built)) > 5
    first, second = results(tmp_path)
    assert first["student"] == second["student"]


def test_a_damaged_artifact_is_built_again_and_nothing_else(smoke, monkeypatch, capfd):
    (weights_file,) = smoke.glob("outputs/artifacts/teacher/*/encoder/model.safetensors")
    before = weights_file.read_bytes()
    broken = bytearray(before)
    broken[len(broken) // 2] ^= 1
    weights_file.write_bytes(bytes(broken))
    assert call(smoke, monkeypatch, *SMOKE) == 0
    said = capfd.readouterr().err
    assert "teacher sst2 is damaged (encoder/model.safetensors has another checksum" in said
    assert weights_file.read_bytes() == before
    assert [line.split("] ")[1] for line in said.splitlines() if "builds" in line] == [
        "teacher sst2: builds"
    ]


def test_a_removed_store_is_not_missed_until_it_is_needed(smoke, monkeypatch, capfd):
    (store,) = smoke.glob("outputs/artifacts/teacher_outputs/*/manifest.json")
    content = store.read_text()
    store.parent.rename(store.parent.with_suffix(".away"))
    try:
        assert call(smoke, monkeypatch, *SMOKE) == 0
        assert "builds" not in capfd.readouterr().err
    finally:
        store.parent.with_suffix(".away").rename(store.parent)
    assert json.loads(store.read_text()) == json.loads(content)


def test_a_kill_of_the_planner_ends_its_ranks(tmp_path):
    ddp = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    process = start(tmp_path, *LONG, *ddp, "teacher.max_epochs=400")
    pattern = "outputs/artifacts/teacher/*.building/checkpoints/last.ckpt"
    wait_for(lambda: list(tmp_path.glob(pattern)), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    end = time.monotonic() + 20
    while alive := _mentioning(str(tmp_path)):
        assert time.monotonic() < end, alive
        time.sleep(0.1)


def _mentioning(text):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace")
            except OSError:
                continue
            if text in words:
                found.append(words)
    return found
