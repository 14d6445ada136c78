"""A run cut at any moment validates as often, and chooses the same weights, as a whole one."""

import copy

import pytest
import torch

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.mixing import proportional
from kdlight.launch.prepare import prepare
from kdlight.methods.finetune import Finetune
from kdlight.methods.fit import fit
from kdlight.methods.last_state import LastState
from kdlight.methods.optimizers import LazyAdamW
from kdlight.methods.schedules import constant
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel

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

    def train(name):
        torch.manual_seed(0)
        embeddings = TokenEmbeddings(rows.vocabulary, rows.template.pad, 8)
        model = MultiTaskModel(BiLSTMEncoder(embeddings, 8, 0.3), LinearHead, {"demo": (2, False)})
        data = TaskDataModule({"demo": rows}, {"demo": rows}, proportional, 8, 0, model.reads)
        data.steps = STEPS
        module = Finetune(
            model=model,
            metrics={"demo": (["accuracy"], 2)},
            optimizer=lambda parameters: LazyAdamW(parameters, lr=1e-2),
            schedule=constant,
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


def test_nothing_is_saved_before_its_time(tmp_path):
    class Trainer:
        world_size = 1
        saved = 0

        def save_checkpoint(self, path):
            assert path == tmp_path / "last.ckpt"
            self.saved += 1

    trainer = Trainer()
    slow = LastState(tmp_path / "last.ckpt", seconds=1000, interval=5)
    slow.on_train_batch_end(trainer, None, None, None, 0)
    assert trainer.saved == 0
    fast = LastState(tmp_path / "last.ckpt", seconds=0, interval=5)
    for step in range(10):
        fast.on_train_batch_end(trainer, None, None, None, step)
    assert trainer.saved == 8  # not after the steps 5 and 10, which a validation follows
