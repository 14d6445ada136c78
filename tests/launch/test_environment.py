"""The precision of a store is chosen by what the device can do, unless it is given."""

import pytest
from commands import plain

from kdlight.launch import environment
from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms
from kdlight.launch.environment import precision
from kdlight.launch.plan import Plan


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
    assert precision("auto", "cpu") == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [(["9.0"], "bf16-true"), (["7.5"], "32-true"), (["8.0", "7.0"], "32-true")],
)
def test_a_gpu_counts_where_it_does_the_work(machine, capabilities, expected):
    machine("avx2", capabilities)
    assert precision("auto", "gpu") == expected
    assert precision("auto", "auto") == expected
    assert precision("auto", "cpu") == "32-true"


def test_distillation_on_text_uses_it_for_student_and_live_teacher(machine, tmp_path):
    words = ["teacher=plain", "~variants.plain", "baseline=false", f"outputs={tmp_path}"]
    auto = [*words, "method.text.precision=auto", "teacher.store_precision=auto"]
    given = [*words, "method.text.precision=bf16-mixed", "teacher.store_precision=bf16-true"]
    auto, plainly, forced = (
        plain(*options, experiment="mitkd") for options in (auto, words, given)
    )
    assert body(forced).runtime["trainer"]["precision"] == "bf16-mixed"
    machine("avx512_bf16")
    assert body(auto).fingerprint == body(forced).fingerprint
    assert body(auto).config["teacher_precision"] == "bf16-true"
    machine("avx2")
    assert body(auto).fingerprint == body(plainly).fingerprint
    assert body(auto).runtime["trainer"]["precision"] == "32-true"


def body(config):
    parts = arms(config)["student"]
    return Arm(Plan(config), "student", parts).body()


@pytest.mark.parametrize("wanted", ["32-true", "bf16-true"])
def test_a_given_precision_is_taken(machine, wanted):
    machine("avx2")
    assert precision(wanted, "cpu") == wanted
