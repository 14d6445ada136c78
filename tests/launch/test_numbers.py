"""Numbers and names that no stage could work with are refused before any of them starts."""

import math

import pytest

from kdlight.launch.numbers import check_numbers
from kdlight.types import UserError


def config(key=None, value=None):
    made = {
        "name": "kd_bilstm", "outputs": "outputs", "seed": 0,
        "data": {"seed": 0, "batch_size": 16, "max_length": 32, "max_rows": None, "eval_rows": 5},
        "teacher": {"seed": 0, "batch_size": 8, "max_epochs": 0, "evaluations": 2, "threads": None},
        "augmentation": {"seed": 0, "n_iter": 0},
        "trainer": {"max_epochs": 1, "max_steps": None, "checkpoint_seconds": 0.5},
        "optimizer": {"lr": 1e-3},
        "method": {"rates": [1e-4, 3e-4], "text": {"max_steps": 9, "share": 0.15}},
    }  # fmt: skip
    if key:
        *groups, name = key.split(".")
        node = made
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = value
    return made


def test_what_can_be_is_let_through():
    check_numbers(config())
    check_numbers(config("teacher.max_epochs", 0.5))
    check_numbers(config("seed", 2**32 - 1))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("seed", -1, "seed=-1 must be a whole number of 0 or more"),
        ("seed", 2**32, "seed=4294967296"),
        ("seed", 1.5, "whole number"),
        ("data.seed", True, "whole number"),
        ("data.max_length", 3, "data.max_length=3 must be a whole number of 8 or more"),
        ("data.batch_size", 0, "1 or more"),
        ("data.eval_rows", -1, "data.eval_rows=-1"),
        ("data.student_labels", -1, "data.student_labels=-1"),
        ("teacher.max_epochs", "few", "teacher.max_epochs=few"),
        ("teacher.evaluations", 0, "teacher.evaluations=0"),
        ("trainer.max_epochs", 0, "1 or more"),
        ("trainer.max_steps", 0, "1 or more"),
        ("trainer.threads", 0, "1 or more"),
        ("trainer.checkpoint_seconds", -0.5, "must be a number of 0 or more"),
        ("augmentation.n_iter", -1, "augmentation.n_iter=-1"),
        ("optimizer.lr", math.nan, "optimizer.lr=nan must be a finite number"),
        ("optimizer.lr", math.inf, "optimizer.lr=inf"),
        ("data.block_length", 0, "data.block_length=0 must be a whole number of 8 or more"),
        ("data.corpus_rows", 0, "data.corpus_rows=0"),
        ("data.doc_stride", 0, "data.doc_stride=0"),
        ("data.low_resource.draws", 0, "data.low_resource.draws=0"),
        ("data.low_resource.rows", [0], "data.low_resource.rows=[0] must be a list of different "),
        ("data.low_resource.rows", [4, 4], "different whole numbers of 1 or more"),
        ("method.text.max_steps", 0, "method.text.max_steps=0"),
        ("method.text.evaluations", 0, "method.text.evaluations=0"),
        ("method.text.batch_size", 0, "method.text.batch_size=0"),
        ("method.text.share", 2, "method.text.share=2 must be a share above 0, of 1 at most"),
        ("method.rates", [0.1, -1], "method.rates=[0.1, -1] must be a list of different numbers"),
        ("teacher.pretrain.max_steps", 0, "teacher.pretrain.max_steps=0"),
        ("teacher.pretrain.share", 0, "teacher.pretrain.share=0"),
        ("outputs", "", "outputs= names no folder"),
        ("name", "../x", "name=../x"),
        ("name", "", "name="),
    ],
)
def test_what_cannot_be_is_named(key, value, words):
    with pytest.raises(UserError) as caught:
        check_numbers(config(key, value))
    assert words in str(caught.value)
