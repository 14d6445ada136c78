"""The tables of a report, and how they are written in Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from kdlight.report.collect import Group
from kdlight.report.compare import Comparison

NAMES = {"teacher": "teacher", "baseline": "student, gold only", "student": "student, distilled"}


@dataclass(frozen=True)
class Table:
    """A title, column names, rows of text, and remarks below."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def shown(arm: str, group: Group) -> str:
    """How tables call a network."""
    if arm in NAMES:
        gold = arm == "student" and group.runs[0].result["method"] == "finetune"
        return "student, gold only" if gold else NAMES[arm]
    of = arm.removesuffix("_teacher")
    kind = "teacher" if of != arm else "student"
    return f"{kind}, {of.replace('_', ' ')}"


def spread(values: Sequence[float], digits: int = 1) -> str:
    """`88.2 ± 0.3`; of one value, or values that are all alike, that alone."""
    if not values:
        return ""
    mean = f"{fmean(values):.{digits}f}"
    if len(values) < 2 or max(values) - min(values) < 1e-9:
        return mean
    return f"{mean} ± {stdev(values):.{digits}f}"


def score_table(group: Group) -> Table:
    """Every network's scores: mean ± standard deviation over seeds."""
    metrics = group.metrics
    columns = ["network", *(f"{task} {metric}" for task, metric in metrics)]
    columns += ["macro", "kept", "agreement", "n"]
    rows = []
    for arm in group.arms:
        cells = [spread(group.values(arm, *metric)) for metric in metrics]
        rows.append([shown(arm, group), *cells, *_closing(group, arm)])
    split = group.runs[0].result["split"]
    notes = [
        f"Percent on {split}; mean ± standard deviation over seeds {_seeds(group)}.",
        "kept: macro over the teacher's. agreement: how often the network decides as its teacher "
        "(for grades, their correlation). n: networks trained.",
    ]
    if group.teachers == 1:
        notes.append("One teacher for all seeds; its score has no spread.")
    return Table(group.title, columns, rows, notes)


def _closing(group: Group, arm: str) -> list[str]:
    macro = group.macro(arm)
    of_teacher = arm == "teacher" or arm.endswith("_teacher")
    count = group.teachers if arm == "teacher" else len(group.runs)
    kept = ""
    whole = all(run.scores(arm).keys() == run.scores("student").keys() for run in group.runs)
    if "teacher" in group.arms and not of_teacher and whole:
        ratios = [
            100 * own / theirs for own, theirs in zip(macro, group.macro("teacher"), strict=True)
        ]
        kept = f"{spread(ratios)} %"
    alike = [
        fmean(found.values()) for run in group.runs if (found := run.arms[arm].get("agreement"))
    ]
    return [spread(macro) if whole or of_teacher else "", kept, spread(alike), str(count)]


def _seeds(group: Group) -> str:
    return ", ".join(str(run.seed) for run in group.runs)


def difference_table(group: Group, found: Sequence[Comparison]) -> Table:
    """Each network against another: over seeds, and over the rows of each task."""
    tasks = list(group.runs[0].scores("student"))
    columns = ["network", "macro minus", "± SE", "n", "verdict"]
    columns += [
        f"{task} {what}" for task in tasks for what in ("minus", "p bootstrap", "p McNemar")
    ]
    rows = []
    for one in found:
        seeds = one.seeds
        verdict = "not shown"
        if seeds.shown:
            verdict = "better" if seeds.mean > 0 else "worse"
        row = [shown(one.first, group), f"{seeds.mean:+.1f}"]
        row += ["" if seeds.error is None else f"{seeds.error:.1f}", str(seeds.n), verdict]
        for task in tasks:
            row.append(f"{one.tasks[task]:+.1f}" if task in one.tasks else "")
            row += [_p(kind.get(task)) for kind in (one.bootstrap, one.mcnemar)]
        rows.append(row)
    against = shown(found[0].second, group) if found else ""
    notes = [
        "Verdict: paired over seeds, better or worse if the difference is larger than two standard "
        "errors over three seeds or more." + _by_chance(found),
        "p: two-sided, over the rows; paired bootstrap with 2,000 samples, the same rows for both "
        "networks and all seeds; exact McNemar test of the majority over seeds. Corrected for the "
        "number of comparisons in this table (Holm), each kind by itself.",
    ]
    return Table(f"Differences from {against}", columns, rows, notes)


def _by_chance(found: Sequence[Comparison]) -> str:
    """How far the verdict is to be trusted."""
    if not found or not (rate := found[0].seeds.by_chance):
        return ""
    n = found[0].seeds.n
    return f" Of networks that are equally good {rate:.0%} pass this by chance (n = {n})."


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def cost_table(group: Group) -> Table:
    """What the networks cost: parameters, operations, latency, time of training."""
    columns = ["network", "parameters", "without embeddings", "MB in fp32", "FLOPs a row"]
    rows = []
    first = group.runs[0].result
    for arm in ("teacher", "student"):
        if about := first.get(arm):
            flops = (first.get("flops") or {}).get(arm)
            counts = [f"{about[key]:,}" for key in ("params", "params_without_embeddings")]
            size = f"{about['size_bytes'] / 1e6:.1f}"
            rows.append([shown(arm, group), *counts, size, f"{flops:,}" if flops else ""])
    notes = []
    if latency := first.get("latency"):
        for case in (latency, *latency.get("more", [])):
            key = (case.get("task"), case["batch_size"])
            speedups = [
                c["speedup"]
                for run in group.runs
                for c in _cases(run.result["latency"])
                if (c.get("task"), c["batch_size"]) == key
            ]
            on = "one thread" if case["device"] == "cpu" else case["device"]
            notes.append(
                f"Latency at batch {case['batch_size']} x {case['length']} tokens, {on}: teacher "
                f"{case['teacher_ms']:.2f} ms, student {case['student_ms']:.2f} ms, "
                f"{spread(speedups)} times as fast (n = {len(speedups)})."
            )
    return Table("Cost", columns, rows, notes)


def _cases(latency: dict | None) -> list[dict]:
    return [latency, *latency.get("more", [])] if latency else []


def markdown(table: Table) -> str:
    """With a heading, remarks below."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *lines, "", *(f"{note}\n" for note in table.notes)])


def latex(table: Table) -> str:
    """A `table` with booktabs rules."""
    rows = [" & ".join(map(_escaped, row)) + r" \\" for row in table.rows]
    head = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(table.title)}}}"]
    head += [rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", r"\toprule"]
    head += [" & ".join(map(_escaped, table.columns)) + r" \\", r"\midrule"]
    notes = [rf"\par\small {_escaped(note)}" for note in table.notes]
    end = [r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}", ""]
    return "\n".join([*head, *rows, *end])


def _escaped(text: str) -> str:
    for sign in "&%_#{}$":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("±", r"$\pm$").replace("<", "$<$").replace("≥", r"$\geq$")


def comma_separated(groups: Sequence[Group]) -> str:
    """One line a group, network, seed, task and metric, with the score as it is stored."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["group", "network", "seed", "task", "metric", "score"])
    for group in groups:
        for run in group.runs:
            for arm in group.arms:
                for task, metrics in run.scores(arm).items():
                    for metric, value in metrics.items():
                        writer.writerow([group.title, arm, run.seed, task, metric, repr(value)])
    return out.getvalue()
