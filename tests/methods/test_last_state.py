"""A run cut at any moment validates as often, and chooses the same weights, as a whole one."""

import copy
import os
import tempfile

import pytest
import torch
from torch import nn

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.mixing import proportional
from kdlight.launch.prepare import prepare
from kdlight.methods.curves import CurveLogger
from kdlight.methods.finetune import Finetune
from kdlight.methods.fit import fit
from kdlight.methods.last_state import LastState
from kdlight.methods.optimizers import LazyAdamW
from kdlight.methods.schedules import constant
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import UserError

RUNTIME = {
    "title": "student",
    "trainer": {"accelerator": "cpu", "devices": 1, "checkpoint_seconds": 0},
}
STEPS, INTERVAL = 20, 5


class CutError(Exception):
    """Stands for a kill."""


@pytest.fixture
def run(encode, sentences, tmp_path):
    """`run(name, patch)`: trains in a folder of that name; the validation scores and weights."""
    prepare()
    rows = encode(sentences(64, 0), task="demo")

    def train(name, schedule=constant):
        torch.manual_seed(0)
        embeddings = TokenEmbeddings(rows.vocabulary, rows.template.pad, 8)
        model = MultiTaskModel(BiLSTMEncoder(embeddings, 8, 0.3), LinearHead, {"demo": (2, False)})
        data = TaskDataModule({"demo": rows}, {"demo": rows}, proportional, 8, 0, model.reads)
        data.steps = STEPS
        module = Finetune(
            model=model,
            metrics={"demo": (["accuracy"], 2)},
            optimizer=lambda parameters: LazyAdamW(parameters, lr=1e-2),
            schedule=schedule,
            total_steps=STEPS,
            seed=0,
        )
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        best = fit(module, data, folder, INTERVAL, "student", copy.deepcopy(RUNTIME))
        return (folder / "metrics.csv").read_text(), best

    return train


CUTS = [
    *(("training_step", step) for step in (3, 5, 6, 10, 15, 19, 20)),
    *(("on_train_batch_end", step) for step in (1, 5, 6, 14, 20)),
    *(("on_validation_epoch_end", step) for step in (5, 10, 20)),
]


@pytest.mark.parametrize(("moment", "cut_at"), CUTS)
def test_a_cut_changes_nothing(run, monkeypatch, moment, cut_at):
    curves, whole = run("whole")
    original = getattr(Finetune, moment)

    def cutting(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        done = self.trainer.global_step + (moment == "training_step")
        if done == cut_at:
            raise CutError
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Finetune, moment, cutting)
        with pytest.raises(CutError):
            run("cut")
    again, continued = run("cut")
    assert again == curves
    assert continued.score == whole.score
    for name, weight in whole.weights.items():
        assert torch.equal(continued.weights[name], weight), name


def astray(step):
    """A schedule with one step so wide that the next loss is not finite."""

    def make(optimizer, total):
        del total
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: 1e40 if at == step else 1.0)

    return make


WHERE = r"The loss of task demo is (nan|inf) at step %d \(rows train-\d+, .*\): lower the learning "


def test_a_run_that_went_astray_keeps_the_last_good_state(run, tmp_path):
    for _ in range(2):  # the same command again goes on from there, to the same end
        with pytest.raises(UserError, match=WHERE % 7 + ".* The last good checkpoint is kept"):
            run("astray", astray(6))
        (path,) = (tmp_path / "astray/checkpoints").glob("last.*.ckpt")
        state = torch.load(path)
        assert state["global_step"] == 6
        assert all(torch.isfinite(weight).all() for weight in state["state_dict"].values())


def test_no_checkpoint_is_spoken_of_where_there_is_none(run, tmp_path):
    with pytest.raises(UserError, match=WHERE % 1) as caught:
        run("lost", astray(0))
    assert "checkpoint" not in str(caught.value)
    assert not list((tmp_path / "lost/checkpoints").glob("last.*.ckpt"))


def saver(folder, seconds, interval=5):
    """A `LastState`, and a trainer that writes the number of its save."""

    class Trainer:
        world_size, is_global_zero, saved = 1, True, 0

        def save_checkpoint(self, path):
            self.saved += 1
            path.write_text(f"{self.saved}")

    return LastState(folder, CurveLogger(folder / "metrics.csv"), seconds, interval), Trainer()


def save(state, trainer):
    """A state that is saved, and known to be good."""
    state._save(trainer)
    state._keep(trainer)


def test_nothing_is_saved_before_its_time(tmp_path):
    network = nn.Linear(2, 2)
    slow, trainer = saver(tmp_path, seconds=1000)
    slow.on_train_batch_end(trainer, network, None, None, 0)
    assert trainer.saved == 0
    fast, trainer = saver(tmp_path, seconds=0)
    for step in range(10):
        fast.on_train_batch_end(trainer, network, None, None, step)
    assert trainer.saved == 8  # not after the steps 5 and 10, which a validation follows


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    state, trainer = saver(tmp_path, seconds=0)
    network = nn.Linear(2, 2)
    network.bias.data[1] = torch.inf
    state.on_train_batch_end(trainer, network, None, None, 0)
    assert trainer.saved == 0


def test_a_state_counts_once_the_loss_behind_it_is_finite(tmp_path):
    state, trainer = saver(tmp_path, seconds=0)
    for step, expected in ((0, None), (1, "1"), (2, "2")):
        state.on_train_batch_end(trainer, nn.Linear(2, 2), None, None, step)
        newest = state.newest()
        assert (newest and newest.read_text()) == expected


def test_the_newest_state_that_is_whole_is_gone_on_from(tmp_path, caplog):
    state, trainer = saver(tmp_path, seconds=0)
    assert state.newest() is None
    save(state, trainer)
    first = state.newest()
    old = first.read_text()
    save(state, trainer)
    second = state.newest()
    assert (old, second.read_text()) == ("1", "2")
    assert not first.exists()
    first.write_text(old)  # as if killed between the two
    os.utime(first, (1, 1))
    assert state.newest() == second
    assert "damaged" not in caplog.text
    second.write_text("3")
    assert state.newest() == first
    assert f"{second} is damaged" in caplog.text
    first.write_text("")
    assert state.newest() is None


def test_a_save_that_is_cut_leaves_the_last_state_and_no_litter(tmp_path):
    state, trainer = saver(tmp_path, seconds=0)
    save(state, trainer)
    before = state.newest()

    def cut(path):
        (path.parent / "tmpfile").write_text("ha")
        path.write_text("half")
        assert tempfile.gettempdir() == str(path.parent)
        raise CutError

    whole = trainer.save_checkpoint
    trainer.save_checkpoint = cut
    with pytest.raises(CutError):
        state._save(trainer)
    assert state.newest() == before
    assert tempfile.gettempdir() != str(tmp_path / "new")
    trainer.save_checkpoint = whole
    save(state, trainer)
    assert {p.name for p in tmp_path.rglob("*")} == {"metrics.csv", "new", state.newest().name}
