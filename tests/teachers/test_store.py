"""Stored outputs are those of the live teacher, and belong to their rows."""

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from kdlight.losses.hard import TeacherLabels
from kdlight.losses.logits import LogitMSE, SoftKL
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.models.heads import LinearHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import random_encoder
from kdlight.teachers.online import OnlineTeacher
from kdlight.teachers.store import CachedTeacher, check_made_from, open_for_filling
from kdlight.types import ModelOutput, UserError

SHAPE = {
    "model_type": "bert",
    "num_hidden_layers": 1,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 40,
}
READS = frozenset({"texts", "joint"})


@pytest.fixture
def rows(encode, sentences):
    return {t: encode(sentences(n, seed=n), task=t) for t, n in (("a", 30), ("b", 17))}


@pytest.fixture
def online(rows):
    torch.manual_seed(0)
    encoder = random_encoder(SHAPE, rows["a"].vocabulary, 0, "mean", 0.5)
    model = MultiTaskModel(encoder, LinearHead, {"a": (3, False), "b": (1, False)})
    return OnlineTeacher({"a": model, "b": model})


@pytest.fixture
def cached(rows, online, tmp_path):
    """A store for each task, filled in another order and in other batches than it is read."""
    folders = {}
    for task, classes in (("a", 3), ("b", 1)):
        folders[task] = tmp_path / f"store_{task}"
        logits = open_for_filling(folders[task], rows[task], classes)
        for part in np.array_split(np.argsort(rows[task].lengths)[::-1], 5):
            logits[part] = online(rows[task].batch(part, READS)).logits.numpy()
        logits.flush()
    return CachedTeacher(folders)


def test_the_store_says_what_the_live_teacher_says(rows, online, cached):
    random = np.random.default_rng(0)
    for task, count in (("a", 30), ("b", 17)):
        batch = rows[task].batch(random.permutation(count)[:9], READS)
        live, stored = online(batch).logits, cached(batch).logits
        torch.testing.assert_close(stored, live, rtol=1e-5, atol=1e-6)
        assert stored.std() > 0.01
        assert not stored.requires_grad


def test_every_loss_and_gradient_is_the_same_from_both(rows, online, cached):
    losses = WeightedSum({"mse": LogitMSE(), "kl": SoftKL(), "labels": TeacherLabels()})
    batch = rows["a"].batch(np.arange(12), READS)
    found = []
    for teacher in (online, cached):
        student = nn.Parameter(torch.linspace(-1, 1, 36).reshape(12, 3))
        total, _ = losses(ModelOutput(logits=student), teacher(batch), batch)
        total.backward()
        found.append((total.detach(), student.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_the_store_needs_no_text(rows, cached):
    batch = rows["a"].batch(np.array([4, 2]), READS)
    bare = replace(batch, texts=(), joint=None)
    assert torch.equal(cached(bare).logits, cached(batch).logits)
    assert cached.reads == frozenset()
    assert cached.provides == {"logits"}


def test_rows_of_other_text_are_refused(rows, cached, encode, sentences):
    other = encode([replace(e, id=f"x{e.id}") for e in sentences(30, seed=30)], task="a")
    with pytest.raises(UserError, match="task a holds other rows"):
        cached(other.batch(np.arange(5), READS))
    batch = rows["a"].batch(np.array([3, 4]), READS)
    with pytest.raises(UserError, match="another transfer set"):
        cached(replace(batch, rows=torch.tensor([4, 3])))


def test_the_live_teacher_is_frozen_and_draws_no_dropout(rows, online):
    batch = rows["a"].batch(np.arange(4), READS)
    assert not any(p.requires_grad for p in online.models["a"].parameters())
    assert torch.equal(online(batch).logits, online(batch).logits)
    assert online.reads == {"joint"}


def test_a_live_teacher_in_bf16_gives_all_parts_in_full_precision(rows, online):
    """Whatever the student trains in; the store holds the same, made with the same weights."""
    batch = rows["a"].batch(np.arange(4), READS)
    needs = frozenset({"logits", "hidden_states", "relations", "attentions"})
    full = online(batch, needs)
    half = OnlineTeacher({"a": deepcopy(online.models["a"])}, "bf16-true")
    assert {p.dtype for p in half.models["a"].parameters()} == {torch.bfloat16}
    given = [half(batch, needs)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        given.append(half(batch, needs))
    filled = deepcopy(online.models["a"]).bfloat16()(batch).logits.float()
    for output in given:
        assert torch.equal(output.logits, filled)
        for name in needs:
            torch.testing.assert_close(getattr(output, name), getattr(full, name), rtol=0, atol=0.1)
    assert not torch.equal(filled, full.logits)
    assert half(batch).words is None


def test_filling_goes_on_where_it_stopped(rows, tmp_path):
    first = open_for_filling(tmp_path / "store", rows["a"], 3)
    assert first.shape == (30, 3)
    first[:10] = 7
    first.flush()
    again = open_for_filling(tmp_path / "store", rows["a"], 3)
    assert (again[:10] == 7).all()
    assert not again[10:].any()
    again[11] = 5
    again.flush()
    assert (np.load(tmp_path / "store/logits.npy")[11] == 5).all()


def test_stored_logits_are_mapped_not_read(cached):
    assert all(isinstance(array, np.memmap) for array in cached._logits.values())


@pytest.mark.parametrize(
    ("expected", "fault"),
    [({"tokens": "t1"}, None), ({"tokens": "t2"}, "tokens t1, not t2"),
     ({"tokens": "t1", "teacher": "x"}, "teacher m1, not x"), ({"tokenizer": "q"}, "None, not q")],
)  # fmt: skip
def test_a_store_made_from_something_else_is_refused(expected, fault, tmp_path):
    manifest = {"parents": {"tokens": "t1", "teacher": "m1"}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    if fault is None:
        check_made_from(tmp_path, expected)
        return
    with pytest.raises(UserError, match=fault):
        check_made_from(tmp_path, expected)
