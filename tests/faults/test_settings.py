"""Settings that cannot be: one sentence each, before or while the part they are of is built."""

import shutil

import pytest
from faults.harness import sentence

REFUSED = {
    "trainer.evaluations=0": "trainer.evaluations=0 must be",
    "trainer.precision=nonsense": "trainer.precision=nonsense is not one of auto, 32-true",
    "trainer.accelerator=nonsense seed=1": "accelerator",
    "trainer.strategy=nonsense seed=1": "strategy",
    "trainer.accelerator=gpu": "there is no GPU here",
    "teacher.optimizer.lr=-1": "optimizer cannot be used: Invalid learning rate",
    "optimizer.lr=x": "optimizer cannot be used",
    "student.encoder.hidden=-1": "student cannot be used",
    "student.encoder.dropout=2": "student cannot be used",
    "student.embeddings.dim=x": "student cannot be used",
    "teacher.shape.hidden_size=33": "teacher cannot be used",
    "teacher.shape.model_type=nosuch": "teacher cannot be used",
    "teacher.shape=null": "add teacher=scratch",
    "teacher.pretrained=5": "teacher.pretrained=5",
    "teacher.source=nonsense": "teacher.source=nonsense",
    "teacher=null": "Config group override must be a string",
    "loss.logit_mse.weight=x": "loss",
    "variants={a:5}": "variants.a=5",
    "variants={a:{loss:5}}": "variants.a.loss=5",
    "variants={a:{nonsense:{b:5}}}": "an arm has teacher, student",
    "report.groups={a:5}": "expected names with lists of tasks",
    "outputs=/dev/null": "cannot be made",
    "nonsense": "override",
}


@pytest.mark.parametrize("overrides", REFUSED)
def test_it_is_refused(nursery, whole, tmp_path, overrides):
    folder = tmp_path / "run"
    shutil.copytree(whole.folder, folder)
    command = nursery.start(folder, *whole.overrides, *overrides.split())
    assert command.wait() in (1, 2), command.said()
    assert "Traceback" not in command.said()
    if command.status == 2:
        assert REFUSED[overrides] in sentence(command.said())
    else:
        assert REFUSED[overrides] in command.said()
    assert len(list(folder.glob("outputs/runs/*/*/result.json"))) == 1


BROKEN = {
    "no: [yaml": "mine.yaml",
    "mine: 5": "_target_",
    "mine:\n  _target_: kdlight.tasks.task.Task\n  name: mine": "labels",
    "mine:\n  _target_: kdlight.tasks.task.Task\n  name: mine\n  kind: classification\n"
    "  folder: M\n  labels: [yes, no]": "quote",
    "mine:\n  _target_: os.nosuch\n  name: mine": "os.nosuch",
    "mine:\n  _target_: kdlight.tasks.task.Task\n  name: mine\n  kinds: x": "kinds",
    "\0": "mine.yaml",
    "": "No task is chosen",
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_task_of_the_users_own(nursery, whole, tmp_path, content):
    folder = tmp_path / "run"
    (folder / "conf/task").mkdir(parents=True)
    (folder / "conf/task/mine.yaml").write_text(content)
    words = ["--config-dir", str(folder / "conf"), *whole.overrides, "task=[mine]"]
    command = nursery.start(folder, *words)
    assert command.wait() in (1, 2), command.said()
    assert "Traceback" not in command.said()
    assert BROKEN[content] in command.said()
