"""Stage: how fast the parts of a distillation are on this machine, as ratios taken in one run."""

import copy
import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
import numpy as np

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.encoded import EncodedRows
from kdlight.measure.bare import bare_forward, bare_training
from kdlight.measure.memory import forget_peak, peak_bytes
from kdlight.measure.padding import real_share
from kdlight.measure.race import Paused, Times, race, ratio
from kdlight.measure.threads import threads
from kdlight.methods.base import TaskModule
from kdlight.methods.fit import device_of, fit
from kdlight.models.build import load_teacher
from kdlight.models.multitask import MultiTaskModel
from kdlight.stages.latency import measure_latency
from kdlight.stages.student import Prepared, prepare
from kdlight.stages.teacher_outputs import fill, like_batches
from kdlight.teachers.online import PRECISIONS
from kdlight.teachers.store import CachedTeacher, open_for_filling
from kdlight.types import StageSpec, UserError

WARMUP = 1  # blocks that are not timed


def run(spec: StageSpec) -> None:
    """Writes `benchmark.json`, and `latency.json` as the stage `latency` does."""
    out = Path(spec.out)
    scratch = out / "checkpoints"
    shutil.rmtree(scratch, ignore_errors=True)  # of a benchmark that was stopped
    scratch.mkdir()
    found, student = _training(spec, scratch)
    found["filling"] = _filling(spec, scratch)
    (out / "benchmark.json").write_text(json.dumps(found, indent=1))
    device = device_of(spec.runtime)
    networks = {"teacher": _teacher(spec, "32-true").to(device), "student": student.eval()}
    latency = measure_latency(networks, spec.config["latency"], device)
    (out / "latency.json").write_text(json.dumps(latency, indent=1))


def _training(spec: StageSpec, scratch: Path) -> tuple[dict[str, Any], MultiTaskModel]:
    """The student's step: from the store, on labels alone, and as a bare loop."""
    config, device = spec.config, device_of(spec.runtime)
    forget_peak()
    stored = _prepared(spec, teacher_source="stored")
    gold = _prepared(spec, teacher_source=None, loss=None, method=config["gold_method"])
    data, folders = stored.data, {task: _store(spec, task) for task in config["tasks"]}
    for task, rows in data.train.items():
        assert isinstance(rows, EncodedRows)
        rows.labels = _decisions(folders[task])  # so that no row is without a label
    store = CachedTeacher(folders)
    ready = [batch.to(device) for batch in data.train_dataloader()]
    targets = [store(batch) for batch in ready]
    bare = copy.deepcopy(stored.module.model).to(device)
    losses: Any = stored.module.losses
    contenders: dict[str, Iterator[object]] = {
        "store": _trained(stored.module, data, spec, scratch / "store"),
        "gold": _trained(gold.module, data, spec, scratch / "gold"),
        "bare": bare_training(bare, ready, targets, losses, config["block"], _half(spec)),
    }
    with threads(spec.runtime["threads"]):
        times = race(contenders, config["rounds"], WARMUP, _clock(spec.runtime))
        for contender in contenders.values():
            deque(contender, maxlen=0)  # to its end
    rows = config["block"] * data.batch_size
    found = {
        "batch_size": data.batch_size,
        "threads": spec.runtime["threads"],
        "step": _compared(times, "store", "bare", "rows", rows),
        "store_epoch": _compared(times, "store", "gold", "rows", rows),
        "padding": real_share(ready),
        "peak_bytes": peak_bytes(),
    }
    return found, bare


def _half(spec: StageSpec) -> bool:
    """Whether the student trains under bf16 autocast."""
    found = spec.runtime["trainer"]["precision"]
    if found not in ("32-true", "bf16-mixed"):
        raise UserError(
            f"job=benchmark has no bare loop for trainer.precision={found}: choose 32-true or "
            "bf16-mixed."
        )
    return bool(found == "bf16-mixed")


def _prepared(spec: StageSpec, **changes: Any) -> Prepared:
    """A student that trains for the steps of the race, with one validation at the end."""
    steps = spec.config["block"] * (WARMUP + spec.config["rounds"])
    config = {**spec.config, "max_steps": steps, "evaluations": 1, **changes}
    return prepare(replace(spec, config=config))


def _trained(
    module: TaskModule, data: TaskDataModule, spec: StageSpec, out: Path
) -> Iterator[object]:
    """Training as the stage `student` does it, paused after every block of steps."""

    def work(pause: Callable[[], None]) -> None:
        title = f"{spec.runtime['title']}, {out.name}"
        # While a contender waits, the time to its next save goes on: none is made.
        trainer = {**spec.runtime["trainer"], "checkpoint_seconds": float("inf")}
        runtime = {**spec.runtime, "title": title, "quiet": True, "trainer": trainer}
        every = Every(spec.config["block"], pause)
        with threads(runtime["threads"]):
            fit(module, data, out, data.steps, title, runtime, [every])

    out.mkdir()
    return Paused(work)


class Every(L.Callback):
    """Calls `act` after every `steps` training steps."""

    def __init__(self, steps: int, act: Callable[[], None]) -> None:
        self.steps, self.act = steps, act

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts the step."""
        del trainer, pl_module, outputs, batch
        if (batch_idx + 1) % self.steps == 0:
            self.act()


def _filling(spec: StageSpec, scratch: Path) -> dict[str, Any]:
    """Filling the store against the bare forward pass, and against the one in fp32."""
    config, runtime = spec.config, spec.runtime["filling"]
    device, block = device_of(runtime), config["batches"]
    forget_peak()
    task = next(iter(config["tasks"]))
    rows = EncodedRows(Path(spec.inputs[f"teacher_transfer/{task}"]) / "transfer", task)
    model = _teacher(spec, config["store_precision"]).to(device)
    chosen = _spread(rows, runtime["batch_tokens"], block * (WARMUP + config["rounds"]))
    ready = [rows.batch(part, model.reads).to(device) for part in chosen]
    store = open_for_filling(scratch / "filled", rows, model.outputs[task][0])
    contenders: dict[str, Iterator[object]] = {
        "store": _filled(store, model, rows, chosen, block, device),
        "bare": bare_forward(model, ready, block, device),
    }
    if config["store_precision"] != "32-true":
        full = _teacher(spec, "32-true").to(device)
        contenders["fp32"] = bare_forward(full, ready, block, device)
    with threads(runtime["threads"]):
        times = race(contenders, config["rounds"], WARMUP, _clock(runtime))
    tokens = sum(int(batch.joint.lengths.sum()) for batch in ready if batch.joint) // len(ready)
    found = {"precision": config["store_precision"], "threads": runtime["threads"]}
    found |= _compared(times, "store", "bare", "tokens", tokens * block)
    found |= {"padding": real_share(ready)["joint"], "peak_bytes": peak_bytes()}
    return found | ({"faster_than_fp32": ratio(times, "fp32", "store")} if "fp32" in times else {})


def _filled(
    store: np.memmap,
    model: MultiTaskModel,
    rows: EncodedRows,
    batches: list[np.ndarray],
    block: int,
    device: str,
) -> Iterator[None]:
    for start in range(0, len(batches), block):
        deque(fill(store, model, rows, batches[start : start + block], device), maxlen=0)
        yield


def _spread(rows: EncodedRows, tokens: int, count: int) -> list[np.ndarray]:
    """Batches of the stage `teacher_outputs`: of all lengths, shuffled; repeated if too few."""
    lengths = rows.lengths
    batches = like_batches(lengths, np.argsort(lengths, kind="stable")[::-1], tokens)
    order = np.random.default_rng(0).permutation(len(batches))
    return [batches[order[number % len(order)]] for number in range(count)]


def _compared(times: Times, first: str, second: str, unit: str, count: int) -> dict[str, float]:
    """Units a second of both, and how many times as long the first takes."""
    return {
        f"{first}_{unit}_s": count / median(times[first]),
        f"{second}_{unit}_s": count / median(times[second]),
        "ratio": ratio(times, first, second),
    }


def _clock(runtime: Mapping[str, Any]) -> Callable[[], float]:
    alone = runtime["threads"] == 1 and device_of(runtime) == "cpu"
    return time.process_time if alone else time.perf_counter


def _decisions(store: Path) -> np.ndarray:
    """The teacher's classes or grades, as labels are kept."""
    logits = np.load(store / "logits.npy", mmap_mode="r")
    decided = logits[:, 0] if logits.shape[1] == 1 else logits.argmax(axis=1)
    return decided.astype(np.float32)


def _store(spec: StageSpec, task: str) -> Path:
    return Path(spec.inputs[f"teacher_outputs/{task}"])


def _teacher(spec: StageSpec, precision: str) -> MultiTaskModel:
    return load_teacher(Path(spec.inputs["teacher"])).to(PRECISIONS[precision])
