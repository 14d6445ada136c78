"""Memory stays flat as the transfer set grows: each stage in a process of its own."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.test_speed import report
from commands import call, environment

from kdlight.data.rows import write_rows
from kdlight.types import Example

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
FEW, MANY = 100_000, int(os.environ.get("KDLIGHT_ROWS", "2000000"))
TEXTS = (MANY // 4, MANY)  # sentences: a tokenizer remembers words, up to a limit of its own
STAGES = ("transfer_set", "tokens", "teacher_outputs", "student")
SMALL = ["+experiment=kd_bilstm", "scale=smoke", "baseline=false", "trainer.max_epochs=null"]


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    words = [*SMALL[:3], "trainer.max_steps=20", "job=student"]
    return noted(tmp_path_factory.mktemp("memory"), STAGES, *words)


@pytest.fixture(scope="module")
def on_text(tmp_path_factory):
    """Of an encoder that is made from plain text, and of the student that it teaches."""
    words = ["+experiment=mitkd", "scale=smoke", "teacher=plain", "~variants.plain", "task=[sst2]"]
    words += ["job=student", "baseline=false", "teacher.leave_out=[]", "data.low_resource.tasks=[]"]
    return noted(tmp_path_factory.mktemp("text"), ("pretrain", "agnostic"), *words)


def noted(folder, stages, *words):
    """The specs of a smoke run's stages, by kind; its artifacts are their inputs."""
    from kdlight.launch.execute import Executor

    found, original = {}, Executor._spec

    def note(self, node, place):
        spec = original(self, node, place)
        if node.kind in stages and node.label != "task_rows sst2":
            found[node.kind] = spec
        return spec

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "_spec", note)
        assert call(folder, patch, *words) == 0
    return found


def peaks(specs, folder, count):
    """Bytes of each stage when the transfer set has about `count` rows."""
    words = [f"{a} {b}" for a in ("good", "bad", "plain") for b in ("film", "story", "book")]
    texts = [f"the {a} is {b}" for a in words for b in words]
    rows = folder / "rows"
    rows.mkdir(parents=True)
    source = Path(specs["transfer_set"].inputs["rows"])
    for name in ("train", "selection", "eval"):
        (rows / f"{name}.arrow").symlink_to(source / f"{name}.arrow")
    write_rows(
        rows / "unlabelled.arrow",
        (Example(f"u-{i}", f"{texts[i % 81]} {texts[i // 81 % 81]}") for i in range(count)),
    )
    made = {"rows": rows}
    return {kind: peak(specs[kind], kind, folder, made) for kind in STAGES}


def peak(spec, kind, folder, made):
    out = folder / kind
    out.mkdir()
    replaced = {
        "transfer_set": {"rows": made["rows"]},
        "tokens": {"rows": made.get("transfer_set")},
        "teacher_outputs": {"tokens": made.get("tokens")},
        "student": {
            "transfer/sst2": made.get("tokens"),
            "teacher_transfer/sst2": made.get("tokens"),
            "teacher_outputs/sst2": made.get("teacher_outputs"),
        },
    }[kind]
    inputs = {**spec.inputs, **{role: str(path) for role, path in replaced.items()}}
    found = probed(kind, spec.config, inputs, spec.runtime, out)
    parents = {"tokens": Path(inputs.get("tokens", "x")).name}
    (out / "manifest.json").write_text(json.dumps({"parents": parents}))
    made[kind] = out
    return found


def probed(kind, config, inputs, runtime, out):
    """Bytes of a stage in a process of its own."""
    written = out.with_suffix(".json")
    about = {"kind": kind, "config": config, "inputs": inputs, "out": str(out)}
    written.write_text(json.dumps(about | {"runtime": runtime}))
    command = [sys.executable, str(Path(__file__).with_name("probe.py")), str(written)]
    found = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return int(found.stdout.split()[-1])


def test_memory_is_flat_from_100_thousand_to_2_million_rows(specs, tmp_path):
    few, many = (peaks(specs, tmp_path / str(count), count) for count in (FEW, MANY))
    growth = {kind: many[kind] / few[kind] for kind in STAGES}
    for kind in STAGES:
        sizes = f"{few[kind] >> 20} MiB to {many[kind] >> 20} MiB"
        report(f"{kind}: {sizes} from {FEW:,} to {MANY:,} rows, {growth[kind]:.2f}x")
    assert max(growth.values()) <= 1.10, growth


def packed(tokenizer, folder, count, end="\n", opened=open, length=64):
    """A corpus of so many sentences: its folder, and the bytes that packing took."""
    (out := folder / f"corpus{count}").mkdir()
    text = folder / f"{count}.txt{'.gz' * (opened is gzip.open)}"
    with opened(text, "wt") as file:
        file.writelines(f"the film of story {n} was very good{end}" for n in range(count))
    config = {"corpus": {"rows": None, "content": [str(count)]}, "length": length}
    runtime = {"title": "corpus", "corpus": [str(text)]}
    return out, probed("corpus", config, {"tokenizer": tokenizer}, runtime, out)


def check_flat(kind, few, many):
    growth, sizes = many / few, f"{few >> 20} MiB to {many >> 20} MiB"
    report(f"{kind}: {sizes} from {MANY // 4:,} to {MANY:,} sentences, {growth:.2f}x")
    assert growth <= 1.10


@pytest.mark.parametrize(
    ("end", "opened"),
    [("\n", open), (" ", open), ("\n", gzip.open)],
    ids=["lines", "one line", "gzip"],
)
def test_memory_is_flat_as_plain_text_grows(specs, tmp_path, end, opened):
    tokenizer = specs["tokens"].inputs["tokenizer"]
    few, many = (packed(tokenizer, tmp_path, n, end, opened)[1] for n in TEXTS)
    check_flat("corpus", few, many)


@pytest.mark.parametrize("kind", ["pretrain", "agnostic"])
def test_memory_is_flat_as_more_plain_text_is_learnt(on_text, tmp_path, kind):
    spec, found = on_text[kind], []
    for count in TEXTS:
        corpus, _ = packed(spec.inputs["tokenizer"], tmp_path, count, length=32)
        (out := tmp_path / f"{kind}{count}").mkdir()
        config = {**spec.config, "max_steps": 200, "evaluations": 2}
        inputs = {**spec.inputs, "corpus": str(corpus)}
        found.append(probed(kind, config, inputs, spec.runtime, out))
    check_flat(kind, *found)
