"""The table of what networks cost: size, operations, training, latency."""

from collections.abc import Mapping
from typing import Any

from kdlight.report.groups import Group
from kdlight.report.names import is_teacher
from kdlight.report.tables import Table, shown, spread


def cost_table(group: Group) -> Table:
    """What the networks cost: parameters, operations, time of training, latency."""
    columns = ["network", "parameters", "without embeddings", "MB in fp32", "FLOPs a row"]
    columns.append("training, minutes")
    rows = []
    first = group.runs[0].result
    for arm in group.arms:
        about = group.runs[0].arms["student" if arm == "baseline" else arm]  # of one shape
        sizes = [about.get(key) for key in ("params", "params_without_embeddings", "size_bytes")]
        flops = (first.get("flops") or {}).get(arm)
        counts = [f"{size:,}" if size else "" for size in sizes[:2]]
        counts += [f"{sizes[2] / 1e6:.1f}" if sizes[2] else "", f"{flops:,}" if flops else ""]
        rows.append([shown(arm, group), *counts, spread(_minutes(group, arm))])
    notes = ["Training: mean ± standard deviation over seeds, without the teacher's answers."]
    return Table("Cost", columns, rows, notes + _latency(group))


def _minutes(group: Group, arm: str) -> list[float]:
    """How long the networks of an arm were trained, in minutes, a value a seed."""
    result = group.runs[0].result
    if is_teacher(arm, result) and arm != "teacher":
        return []
    students = set(result["variants"]) | {"student", "baseline"}
    kinds = ("teacher",) if arm == "teacher" else ("student", "agnostic")
    found = []
    for run in group.runs:
        spent = 0.0
        for name, seconds in (run.result.get("wall_s") or {}).items():
            kind, _, about = name.partition(" ")
            own = about.rpartition("(")[2].removesuffix(")").split(", ")[0]
            if kind in kinds and (own not in students if arm == "teacher" else own == arm):
                spent += seconds
        found.append(spent / 60)
    return [minutes for minutes in found if minutes]


def _latency(group: Group) -> list[str]:
    """A line a case: means over the runs on the machine of the first."""
    first = group.runs[0].result
    here = [run.result for run in group.runs if run.result["hardware"] == first["hardware"]]
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
        lines.append(
            f"Latency at batch {case['batch_size']} x {case['length']} tokens, {on}: teacher "
            f"{teacher} ms, student {student} ms, {speedup} times as fast (n = {len(same)})."
        )
    return lines


def _cases(latency: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [latency, *latency.get("more", [])] if latency else []
