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
    }  # fmt: skip
    if key:
        group, _, name = key.rpartition(".")
        (made[group] if group else made)[name] = value
    return made


def test_what_can_be_is_let_through():
    check_numbers(config())
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
        ("outputs", "", "outputs= names no folder"),
        ("name", "../x", "name=../x"),
        ("name", "", "name="),
    ],
)
def test_what_cannot_be_is_named(key, value, words):
    with pytest.raises(UserError) as caught:
        check_numbers(config(key, value))
    assert words in str(caught.value)
