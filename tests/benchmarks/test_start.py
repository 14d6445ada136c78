"""How long one waits for words, and for a command whose work is done."""

import resource
import shutil
import time

import pytest
from benchmarks.test_speed import report
from commands import SMOKE, start

pytestmark = pytest.mark.benchmark


def seconds(folder, *words):
    """(seconds on the clock, seconds of the processor) of a command, the least of three.

    Its runs are forgotten in between, its artifacts are not.
    """
    taken = []
    for _ in range(3):
        shutil.rmtree(folder / "outputs/runs", ignore_errors=True)
        begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        process = start(folder, *words)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        taken.append((time.monotonic() - begun, cpu))
    return tuple(map(min, zip(*taken, strict=True)))


@pytest.mark.parametrize("words", [(), ("--help",), ("--cfg", "job", "+experiment=kd_bilstm")])
def test_words_come_at_once(tmp_path, words):
    clock, processor = seconds(tmp_path, *words)
    report(f"{' '.join(words) or 'list'}: {clock:.1f} s, {processor:.1f} s of the processor")
    assert processor <= 2.0  # other processes may stretch the rest


def test_a_finished_command_takes_seconds(tmp_path):
    process = start(tmp_path, *SMOKE)
    assert process.communicate(timeout=300) is not None
    assert process.returncode == 0
    clock, processor = seconds(tmp_path, *SMOKE)
    report(f"the same command again: {clock:.1f} s, {processor:.1f} s of the processor")
    assert clock <= 10


def test_a_job_of_a_sweep_costs_what_it_costs_alone(tmp_path):
    """Its own work, here to find all artifacts whole, and one start of a process."""
    sweep = ["-m", *SMOKE, "baseline=false"]
    process = start(tmp_path, *sweep, "seed=1,2,3,4")
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    _, alone = seconds(tmp_path, *sweep[1:], "seed=1")
    _, one = seconds(tmp_path, *sweep, "seed=1")
    _, four = seconds(tmp_path, *sweep, "seed=1,2,3,4")
    each = (four - one) / 3
    report(f"a job of a sweep: {each:.2f} s of the processor, typed alone {alone:.2f} s")
    report(f"a sweep of one job: {one:.2f} s")
    assert each <= 1.1 * alone
    assert one <= 2.1 * alone
