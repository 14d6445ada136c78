"""A sweep that is stopped by a signal: nothing stays behind, and the same command goes on."""

import signal

from commands import share
from faults.harness import contents, mentioning, sentence, wait_until

STATE = "outputs/artifacts/student/*.building/checkpoints/last.*.ckpt"


def test_stopped_while_two_jobs_start_and_while_they_train(nursery, whole, tmp_path):
    folder = tmp_path / "night"
    share(whole.folder, folder)
    words = ["-m", *whole.overrides, "baseline=false", "seed=0,1", "launcher.max_parallel=2"]

    def jobs():
        return [words for words in mentioning(str(folder)) if "hydra.run.dir" in words]

    started, trained = lambda: len(jobs()) == 2, lambda: any(folder.glob(STATE))
    for sign, reached in ((signal.SIGTERM, started), (signal.SIGINT, trained)):
        command = nursery.start(folder, *words)
        wait_until(reached, 120, command.said)
        command.kill(sign)
        assert command.wait(60) == 2, command.said()
        assert "topped" in sentence(command.said())
        assert jobs() == []
    last = nursery.start(folder, *words)
    assert last.wait() == 0, last.said()
    (sweep,) = folder.glob("outputs/runs/*/*")
    logs = [(sweep / number / "job.log").read_text() for number in ("0", "1")]
    assert any("continues from the checkpoint" in log for log in logs)
    made = contents(folder)
    both = made.keys() & whole.contents.keys()
    assert any(name.startswith("student/") for name in both)
    assert {name: made[name] for name in both} == {name: whole.contents[name] for name in both}
