"""The benchmarks' own code works, at a size that takes seconds; runs with all other tests."""

import numpy as np
import pytest
import torch
from benchmarks.reference import ReferenceBiLSTM, forward, training
from benchmarks.textbrewer_loop import Classifier, PackedBiLSTM, loader, train
from benchmarks.world import make_world

from kdlight.measure.race import race

SHAPE = {
    "model_type": "bert",
    "num_hidden_layers": 1,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 160,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("small"), SHAPE, count=400, hidden=8)


def copied(world, model):
    """A reference network with the weights of kdlight's."""
    names = {"ahead": "encoder.lstm.forward_lstm", "back": "encoder.lstm.backward_lstm"}
    names |= {"embeddings": "encoder.embeddings.tables.0"}
    names |= {"hidden": "heads.demo.hidden", "output": "heads.demo.output"}
    plain = ReferenceBiLSTM(*world.shape())
    with torch.no_grad():
        for ours, theirs in names.items():
            plain.get_submodule(ours).load_state_dict(model.get_submodule(theirs).state_dict())
    return plain


def test_the_reference_computes_what_kdlight_computes(small):
    model = small.student().eval()
    plain = copied(small, model).eval()
    for rows in (np.arange(7), np.arange(1)):
        batch = small.rows.batch(rows, frozenset({"texts"}))
        text = batch.texts[0]
        found = plain(text.input_ids, text.lengths)
        torch.testing.assert_close(found, model(batch).logits)


def test_the_packed_student_has_the_same_shape(small):
    def size(model):
        return sum(p.numel() for p in model.parameters())

    assert size(PackedBiLSTM(*small.shape())) == size(small.student())


def test_contenders_take_turns(small):
    steps = 4
    contenders = {
        "kdlight": small.kdlight("smoke", steps, 2),
        "bare": training(ReferenceBiLSTM(*small.shape()), small.ready(steps), 2),
    }
    times = race(contenders, rounds=1)
    assert set(times) == {"kdlight", "bare"}
    assert list(contenders["kdlight"]) == []
    ids = small.ready(1)[0][0]
    model = small.teacher.encoder.model
    assert len(list(forward(model, [(ids, torch.ones_like(ids))] * 2, 1))) == 2


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.filterwarnings("ignore")  # TextBrewer's own
def test_textbrewer_trains_the_student(small, tmp_path, cached):
    pytest.importorskip("textbrewer", reason="pip install -e '.[benchmark]'")
    texts, calls = [[101, 2000 + i, 102] for i in range(128)], []
    student = PackedBiLSTM(*small.shape())
    before = student.output.weight.detach().clone()
    teacher = Classifier(small.teacher.encoder.model, 2)
    batches = loader(texts, 64)
    train(teacher, student, batches, 2, cached, tmp_path, lambda: calls.append(1))
    assert len(calls) == 4
    assert not torch.equal(student.output.weight, before)
