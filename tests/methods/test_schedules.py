"""Learning rates, step by step."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdlight.methods.schedules import constant, linear


def rates(schedule, steps, lr=1.0, **options):
    """The rate used in each step, and the one left after the last."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=lr)
    made = schedule(optimizer, steps, **options)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return [*found, optimizer.param_groups[0]["lr"]]


def test_linear_rises_then_falls_to_zero():
    found = rates(linear, 10, lr=2.0, warmup=0.4)
    rising, falling = [0.5, 1.0, 1.5, 2.0], [2 * k / 6 for k in (6, 5, 4, 3, 2, 1, 0)]
    assert found == pytest.approx(rising + falling)


def test_linear_without_warm_up_starts_at_the_full_rate():
    assert rates(linear, 4, warmup=0.0) == pytest.approx([1.0, 1.0, 2 / 3, 1 / 3, 0.0])


@given(st.integers(1, 60), st.floats(0, 0.9))
def test_linear_has_one_peak_and_ends_at_zero(steps, warmup):
    found = rates(linear, steps, warmup=warmup)
    peak = found.index(max(found))
    assert found[-1] == 0
    assert min(found[:-1]) > 0
    assert max(found) == pytest.approx(1)
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)


def test_constant_stays():
    assert rates(constant, 5, lr=0.3) == [0.3] * 6
