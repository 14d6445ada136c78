"""How long one waits for words, and for a command whose work is done."""

import time

import pytest
from benchmarks.test_speed import report
from commands import SMOKE, start

pytestmark = pytest.mark.benchmark


def seconds(folder, *words):
    """The least of three, so that what other processes do counts little."""
    taken = []
    for _ in range(3):
        begun = time.monotonic()
        process = start(folder, *words)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        taken.append(time.monotonic() - begun)
    return min(taken)


@pytest.mark.parametrize("words", [(), ("--help",), ("--cfg", "job", "+experiment=kd_bilstm")])
def test_words_come_at_once(tmp_path, words):
    found = seconds(tmp_path, *words)
    report(f"{' '.join(words) or 'list of experiments'}: {found:.1f} s")
    assert found <= 2.5


def test_a_finished_command_takes_seconds(tmp_path):
    process = start(tmp_path, *SMOKE)
    assert process.communicate(timeout=300) is not None
    assert process.returncode == 0
    found = seconds(tmp_path, *SMOKE)
    report(f"the same command again: {found:.1f} s")
    assert found <= 10
