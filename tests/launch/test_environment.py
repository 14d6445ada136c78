"""The precision of a store is chosen by what the device can do, unless it is given."""

import pytest

from kdlight.launch import environment
from kdlight.launch.environment import store_precision


@pytest.fixture
def machine(monkeypatch):
    """`machine(flags, capabilities)`: another processor, and GPUs."""

    def pretend(flags, capabilities=()):
        text = f"processor : 0\nflags : fpu {flags}\n"
        monkeypatch.setattr(environment.Path, "read_text", lambda _: text)
        monkeypatch.setattr(environment, "_nvidia", lambda _: list(capabilities))
        for found in (environment._cpu_has_bf16, environment._gpu_has_bf16, environment.hardware):
            found.cache_clear()

    yield pretend
    for found in (environment._cpu_has_bf16, environment._gpu_has_bf16, environment.hardware):
        found.cache_clear()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("avx2 avx512f", "32-true"),
        ("avx512f avx512_bf16", "bf16-true"),
        ("amx_bf16 amx_tile", "bf16-true"),
    ],
)
def test_a_processor_with_bf16_uses_it(machine, flags, expected):
    machine(flags)
    assert store_precision("auto", "cpu") == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [(["9.0"], "bf16-true"), (["7.5"], "32-true"), (["8.0", "7.0"], "32-true")],
)
def test_a_gpu_counts_where_it_does_the_work(machine, capabilities, expected):
    machine("avx2", capabilities)
    assert store_precision("auto", "gpu") == expected
    assert store_precision("auto", "auto") == expected
    assert store_precision("auto", "cpu") == "32-true"


@pytest.mark.parametrize("wanted", ["32-true", "bf16-true"])
def test_a_given_precision_is_taken(machine, wanted):
    machine("avx2")
    assert store_precision(wanted, "cpu") == wanted
