"""The text of a student and of a live teacher that reads other tokens."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kdlight.stages.student import _transfer
from kdlight.types import StageSpec, UserError

LIVE = SimpleNamespace(reads=frozenset({"joint"}))
STORED = SimpleNamespace(reads=frozenset())
WORDS = SimpleNamespace(reads=frozenset({"texts"}))
JOINED = SimpleNamespace(reads=frozenset({"joint"}))


@pytest.fixture
def spec(encode, sentences, roberta):
    """Student in the tokens of one tokenizer, teacher in those of another."""
    places = {}
    for role, options in (("transfer/t", ()), ("teacher_transfer/t", (roberta,))):
        folder = encode(sentences(9), *options).folder
        folder.rename(folder.with_name("transfer"))
        places[role] = str(folder.parent)
    return StageSpec("student", {"keep_labels": False}, places, "", {})


def joint(rows):
    return rows.batch(np.arange(3), frozenset({"joint"})).joint.input_ids


def test_a_live_teacher_gets_its_own_tokens_and_a_stored_one_none(spec):
    own = joint(_transfer(spec, "t", WORDS, None))
    assert torch.equal(joint(_transfer(spec, "t", JOINED, STORED)), own)
    live = joint(_transfer(spec, "t", WORDS, LIVE))
    assert not torch.equal(live, own)
    theirs = StageSpec(
        "student", {"keep_labels": False}, {"transfer/t": spec.inputs["teacher_transfer/t"]}, "", {}
    )
    assert torch.equal(live, joint(_transfer(theirs, "t", WORDS, LIVE)))


def test_two_networks_that_want_the_joined_text_in_other_tokens_are_refused(spec):
    with pytest.raises(UserError, match=r"teacher\.source=stored"):
        _transfer(spec, "t", JOINED, LIVE)
