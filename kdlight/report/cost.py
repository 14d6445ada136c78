"""The table of what networks cost: size, operations, training, latency."""

from collections.abc import Mapping
from typing import Any

from kdlight.report.collect import Run
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher
from kdlight.report.tables import Table, shown, spread

SIZES = ("params", "params_without_embeddings")


def cost(run: Run, arm: str) -> dict[str, Any]:
    """What is known of the cost of a network in a run.

    Size, `flops` of a row, `training_s`, and `latency_ms` of the first case with its batch,
    length and device. The gold-only student is of the student's shape, which is measured once.
    """
    shape = "student" if arm == "baseline" else arm
    found = {key: run.arms[shape].get(key) for key in (*SIZES, "size_bytes")}
    found["flops"] = (run.result.get("flops") or {}).get(shape)
    found["training_s"] = _seconds(run.result, arm)
    latency = run.result.get("latency") or {}
    if (milliseconds := latency.get(f"{shape}_ms")) is not None:
        found |= {"latency_ms": milliseconds, "latency_batch": latency["batch_size"]}
        found |= {f"latency_{key}": latency[key] for key in ("length", "device")}
    return {key: value for key, value in found.items() if value}


def cost_table(group: Group) -> Table:
    """What the networks cost: parameters, operations, time of training, latency."""
    columns = ["network", "parameters", "without embeddings", "MB in fp32", "FLOPs a row"]
    columns.append("training, minutes")
    rows = []
    for arm in group.arms:
        known = cost(group.runs[0], arm)
        counts = [f"{known[key]:,}" if key in known else "" for key in SIZES]
        size, flops = known.get("size_bytes"), known.get("flops")
        counts += [f"{size / 1e6:.1f}" if size else "", f"{flops:,}" if flops else ""]
        rows.append([shown(arm, group), *counts, spread(_minutes(group, arm))])
    notes = [
        "Training: mean ± standard deviation over seeds; of a student without its teacher and what "
        "that says of its text."
    ]
    first = group.runs[0]
    joint = (first.config.get("method") or {}).get("joint", True)
    if not joint and len(first.scores("student")) > 1 and not first.result.get("groups"):
        notes.append("Size and training: of the networks of all tasks together, one a task.")
    return Table("Cost", columns, rows, notes + _latency(group))


def _minutes(group: Group, arm: str) -> list[float]:
    """How long the networks of an arm were trained, in minutes, a value a seed."""
    found = [cost(run, arm).get("training_s") for run in group.runs]
    return [seconds / 60 for seconds in found if seconds]


def _seconds(result: Mapping[str, Any], arm: str) -> float | None:
    """How long an arm was trained; None where the result does not tell that of it alone."""
    if "train_s" in result:
        seconds: float | None = result["train_s"].get(arm)
        return seconds
    teachers = [name for name in ("teacher", *result["variants"]) if is_teacher(name, result)]
    if is_teacher(arm, result) and len(teachers) > 1:
        return None  # an older result: titles of teachers do not say whose they are
    kinds = ("teacher",) if arm == "teacher" else ("student", "agnostic")
    spent = 0.0
    for title, seconds in (result.get("wall_s") or {}).items():
        kind, _, about = title.partition(" ")
        own = about.rpartition("(")[2].removesuffix(")").split(", ")[0]
        if kind in kinds and (arm == "teacher" or own == arm):
            spent += seconds
    return spent


def _latency(group: Group) -> list[str]:
    """A line a case: means over the runs on the machine of the first."""
    first = group.runs[0].result
    here = [run.result for run in on_one_machine(group)]
    lines = []
    for case in _cases(first.get("latency")):
        key = (case.get("task"), case["batch_size"], case["length"], case["device"])
        same = [
            c
            for result in here
            for c in _cases(result.get("latency"))
            if (c.get("task"), c["batch_size"], c["length"], c["device"]) == key
        ]
        teacher, student, speedup = (
            spread([c[name] for c in same], digits)
            for name, digits in (("teacher_ms", 2), ("student_ms", 2), ("speedup", 1))
        )
        on = "one thread" if case["device"] == "cpu" else case["device"]
        task = f"{case['task']}, " if case.get("task") else ""
        lines.append(
            f"Latency, {task}batch {case['batch_size']} x {case['length']} tokens, {on}: teacher "
            f"{teacher} ms, student {student} ms, {speedup} times as fast (n = {len(same)})."
        )
    return lines


def on_one_machine(group: Group) -> list[Run]:
    """The runs on the machine of the first."""
    first = group.runs[0].result["hardware"]
    return [run for run in group.runs if run.result["hardware"] == first]


def _cases(latency: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [latency, *latency.get("more", [])] if latency else []
