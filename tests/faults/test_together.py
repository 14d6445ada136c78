"""Several commands at once: each artifact is built once, and all come to the same."""

import random
import re
import time
from collections import Counter

from faults.harness import ROUNDS, contents, left_over, scores, wait_until


def built(commands):
    """How often each artifact was built to its end, over all commands."""
    return Counter(
        title for command in commands for title in re.findall(r"\] (.*): done in", command.said())
    )


def test_equal_commands_at_once(nursery, whole, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    commands = [nursery.start(folder, *whole.overrides) for _ in range(3)]
    assert [command.wait() for command in commands] == [0, 0, 0], commands[0].said()
    counts = built(commands)
    assert len(counts) > 10
    assert set(counts.values()) == {1}
    assert contents(folder) == whole.contents
    assert scores(folder) == 3 * whole.scores
    assert left_over(folder) == []


def test_commands_that_share_only_the_teacher(nursery, whole, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    changes = [(), ("seed=1",), ("augmentation.seed=1", "augmentation.n_iter=1")]
    commands = [nursery.start(folder, *whole.overrides, *change) for change in changes]
    assert [command.wait() for command in commands] == [0, 0, 0], commands[0].said()
    counts = built(commands)
    assert counts["teacher sst2"] == 1
    assert counts["student sst2 (student)"] == 3
    assert contents(folder).items() >= whole.contents.items()
    assert whole.scores[0] in scores(folder)


def test_one_of_several_is_killed_and_another_takes_over(nursery, whole, tmp_path):
    draw = random.Random(0)
    for number in range(ROUNDS):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        commands = [nursery.start(folder, *whole.overrides) for _ in range(3)]
        for victim in draw.sample(commands, 2):
            time.sleep(draw.uniform(0.3, 1.5))
            victim.kill()
        for command in commands:
            assert command.wait() in (0, -9), command.said()
        assert 0 in [command.status for command in commands]
        assert contents(folder) == whole.contents
        assert scores(folder)[-1] == whole.scores[0]
        assert left_over(folder) == []


def test_a_second_command_continues_what_a_killed_one_was_at(nursery, whole, tmp_path):
    """It waits for the lock, gets it by the kill, and goes on from the last state."""
    folder = tmp_path / "run"
    folder.mkdir()
    words = ["teacher.max_epochs=20", "job=teacher"]
    first = nursery.start(folder, *whole.overrides, *words)
    state = "outputs/artifacts/teacher/*.building/checkpoints/last.*.ckpt"
    wait_until(lambda: list(folder.glob(state)), 240, first.said)
    second = nursery.start(folder, *whole.overrides, *words)
    wait_until(lambda: "teacher sst2: waits" in second.said(), 240, second.said)
    first.kill()
    assert second.wait() == 0, second.said()
    assert "teacher sst2: continues from the checkpoint" in second.said()
