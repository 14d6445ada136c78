"""How many steps are planned, and which device a rank works on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdlight.methods.fit import device_of, plan_steps
from kdlight.types import UserError


@given(st.integers(1, 100_000), st.integers(1, 200))
def test_steps_are_rounded_up_to_whole_validation_intervals(steps, evaluations):
    total, interval = plan_steps(steps, evaluations)
    assert interval >= 1
    assert total % interval == 0
    assert steps <= total < steps + interval
    assert 1 <= total // interval <= evaluations
    # Not coarser than need be: a shorter interval would take more evaluations than asked for.
    assert interval == 1 or -(-steps // (interval - 1)) > evaluations


def test_steps_that_divide_are_kept():
    assert plan_steps(100, 10) == (100, 10)
    assert plan_steps(101, 10) == (110, 11)
    assert plan_steps(3, 10) == (3, 1)


@pytest.mark.parametrize(
    ("accelerator", "expected"), [("cpu", "cpu"), ("gpu", "cuda:1"), ("cuda", "cuda:1")]
)
def test_the_device_is_that_of_the_local_rank(accelerator, expected, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert device_of({"trainer": {"accelerator": accelerator}}) == expected


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device_of({"trainer": {"accelerator": "auto"}}) == "cpu"
    with pytest.raises(UserError, match="there is no GPU here"):
        device_of({"trainer": {"accelerator": "gpu"}})
