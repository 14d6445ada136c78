"""Stage: how fast and how big teacher and student are on this machine."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from kdlight.measure.flops import flops
from kdlight.measure.latency import paired_ms
from kdlight.measure.threads import threads
from kdlight.methods.fit import device_of
from kdlight.models.build import load_student, load_teacher
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import Batch, StageSpec, Tokens


def run(spec: StageSpec) -> None:
    """Writes `latency.json`: milliseconds for the batch sizes asked for, and FLOPs a row."""
    config = spec.config
    device = device_of(spec.runtime)
    networks = {
        "teacher": load_teacher(Path(spec.inputs["teacher"])).to(device),
        "student": load_student(Path(spec.inputs["student"])).to(device),
    }
    found = measure_latency(networks, config, device)
    Path(spec.out, "latency.json").write_text(json.dumps(found, indent=1))


def measure_latency(
    networks: Mapping[str, MultiTaskModel], config: Mapping[str, Any], device: str
) -> dict[str, Any]:
    """Milliseconds and FLOPs of `teacher` and `student`, in turn, on random tokens."""
    config = {**config, "vocabulary": _vocabulary(networks)}
    measured = []
    for size in config["batch_sizes"]:
        calls = {name: _call(net, config, size, device) for name, net in networks.items()}
        with threads(config["threads"]):
            slow, fast = paired_ms(calls["teacher"], calls["student"], config["runs"])
        measured.append(
            {"batch_size": size, "teacher_ms": slow, "student_ms": fast, "speedup": slow / fast}
        )
    counted = {name: flops(_call(net, config, 1, device)) for name, net in networks.items()}
    return {"latency": measured, "flops": counted, "length": config["length"], "device": device}


def _vocabulary(networks: Mapping[str, MultiTaskModel]) -> int:
    """Tokens that every network knows."""
    teacher = networks["teacher"].encoder.model.get_input_embeddings()
    student = networks["student"].encoder.embeddings
    return min(int(teacher.num_embeddings), int(student.num_embeddings))


def _call(
    model: MultiTaskModel, config: Mapping[str, Any], size: int, device: str
) -> Callable[[], object]:
    """A forward pass over `size` rows of random tokens of the given length."""
    length, pair = config["length"], config["pair"]

    def tokens(width: int, marked: int = 0) -> Tokens:
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(0, config["vocabulary"], (size, width), generator=generator)
        types = torch.zeros_like(ids)
        types[:, width - marked :] = 1
        return Tokens(ids, torch.full((size,), width), types)

    second = length - length // 2
    parts = (length // 2, second) if pair else (length,)
    batch = Batch(
        task=config["task"],
        rows=torch.arange(size),
        ids=torch.arange(size),
        labels=torch.zeros(size),
        texts=tuple(tokens(width) for width in parts),
        joint=tokens(length + 3, marked=second + 1) if pair else tokens(length + 2),
    ).to(device)

    @torch.inference_mode()
    def call() -> object:
        output = model(batch)
        if device != "cpu":
            torch.cuda.synchronize()
        return output

    return call
