"""Killed at any moment and started again: the same weights, bit for bit, and the same scores."""

import random
import signal
import time

import pytest
from commands import SMOKE, start
from faults.harness import ROUNDS, contents, left_over, scores, sentence


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "cut"
    made.mkdir()
    return made


def check_result(folder, whole):
    """The folder holds what the undisturbed run made, and nothing else."""
    assert contents(folder) == whole.contents
    assert scores(folder)[-1] == whole.scores[0]
    assert left_over(folder) == []


def finish(nursery, folder, whole):
    last = nursery.start(folder, *whole.overrides)
    assert last.wait() == 0, last.said()
    check_result(folder, whole)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_before_many_a_change_of_a_file(nursery, whole, folder, seed):
    """Each command dies before a random one of the next files it opens, renames or removes."""
    draw = random.Random(seed)
    for _ in range(5):
        command = nursery.start(folder, *whole.overrides, cut=draw.randint(60, 400))
        if command.wait() == 0:
            break
        assert command.status == -signal.SIGKILL, command.said()
        assert "Traceback" not in command.said()
    finish(nursery, folder, whole)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_many_moments(nursery, whole, folder, seed):
    """Each command is killed after a random time, at whatever it is doing then."""
    draw = random.Random(seed)
    for _ in range(3):
        command = nursery.start(folder, *whole.overrides)
        time.sleep(draw.uniform(0.1, 1.5))
        command.kill()
        assert command.wait() in (0, -signal.SIGKILL), command.said()
    finish(nursery, folder, whole)


MOMENTS = {
    "rows are read": "task_rows/*.building/train.arrow",
    "text is tokenised": "tokens/*.building/*/a.*",
    "the teacher is trained": "teacher/*.building/checkpoints/last.*.ckpt",
    "the teacher is saved": "teacher/*.building/encoder/config.json",
    "the store is filled": "teacher_outputs/*.building/logits.npy",
    "a student is trained": "student/*.building/checkpoints/last.*.ckpt",
    "a student is published": "student/*.building/manifest.json*",
    "a network is scored": "evaluate/*.building",
}


def test_killed_while_each_kind_of_work_is_done(nursery, whole, folder):
    for work, pattern in MOMENTS.items():
        command = nursery.start(folder, *whole.overrides, until=pattern)
        assert command.wait() == -signal.SIGKILL, f"{work}: {command.said()}"
        assert list((folder / "outputs/artifacts").glob(pattern))
    finish(nursery, folder, whole)


def check_cut_in(nursery, tmp_path, words, titles):
    """Killed in a training of each kind in turn, of such a title: each goes on where it was."""
    whole, cut = folders = [tmp_path / "whole", tmp_path / "cut"]
    for folder in folders:
        folder.mkdir()
    before = None
    for kind, title in titles.items():
        state = f"{kind}/*.building/checkpoints/last.*.ckpt"
        command = nursery.start(cut, *words, until=state)
        assert command.wait() == -signal.SIGKILL, command.said()
        assert list((cut / "outputs/artifacts").glob(state))
        assert before is None or f"{before}: continues from the checkpoint" in command.said()
        before = title
    for folder in folders:
        command = nursery.start(folder, *words)
        assert command.wait() == 0, command.said()
    assert f"{before}: continues from the checkpoint" in command.said()
    assert contents(cut) == contents(whole)
    assert left_over(cut) == []


def test_killed_while_it_learns_from_plain_text(nursery, tmp_path):
    """An encoder from random weights, then the student that it teaches: which tokens are hidden,
    too, is as in the undisturbed run."""
    words = ("+experiment=mitkd", "scale=smoke", "job=student", "task=[sst2]", "baseline=false")
    words += ("teacher=plain", "~variants.plain", "teacher.leave_out=[]", "data.max_rows=64")
    words += ("data.low_resource.tasks=[]", "trainer.checkpoint_seconds=0")
    words += ("loss=[relation,masked_words]",)
    check_cut_in(
        nursery, tmp_path, words, {"pretrain": "pretrain", "agnostic": "agnostic (student)"}
    )


def test_killed_while_it_learns_many_tasks(nursery, tmp_path):
    """A teacher of classes and spans at once."""
    words = ("+experiment=mitkd", "scale=smoke", "job=teacher", "task=[sst2,squad2]")
    words += ("teacher.leave_out=[]", "data.max_rows=64", "data.low_resource.tasks=[]")
    words += ("teacher.pretrain=null", "teacher.refine=null", "~variants.plain")
    words += ("trainer.checkpoint_seconds=0",)
    check_cut_in(nursery, tmp_path, words, {"teacher": "teacher sst2+squad2"})


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_stopped_by_a_signal(nursery, whole, folder, seed):
    """A stop at any moment is said in one sentence; the same command goes on."""
    draw = random.Random(seed)
    for stop in 2 * (signal.SIGINT, signal.SIGTERM):
        command = nursery.start(folder, *whole.overrides)
        time.sleep(draw.uniform(0.05, 1.0))
        command.kill(stop)
        if command.wait() == 0:
            continue
        assert command.status == 2, command.said()
        said = sentence(command.said())
        assert "topped" in said
        assert "the same command" in said
    finish(nursery, folder, whole)


def test_a_stop_before_anything_is_loaded(tmp_path):
    """A real process: while Python still imports."""
    for delay in (0.7, 1.4):
        process = start(tmp_path, *SMOKE)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        # Python itself says SIGINT where the interrupt fell into an `exec` of source.
        assert process.returncode in (2, -signal.SIGTERM, -signal.SIGINT), said
        assert "Traceback" not in said
