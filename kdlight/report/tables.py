"""The tables of a report, and how they are written in Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from kdlight.report.collect import macro
from kdlight.report.compare import Comparison, Network
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher, network_name
from kdlight.report.statistics import OverSeeds


@dataclass(frozen=True)
class Table:
    """A title, column names, rows of text, and remarks below."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


PACKAGES = "% In the preamble: \\usepackage{booktabs,adjustbox}\n"
SELECTION = {"train_split": "further train rows", "dev": "the dev rows"}


def shown(arm: str, group: Group) -> str:
    """How tables call a network."""
    return network_name(arm, group.runs[0].result)


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
    result = group.runs[0].result
    data = "embedded (generated) data" if result["data_source"] == "embedded" else result["split"]
    notes = [
        f"Percent on {data}; mean ± standard deviation over seeds {seeds_of(group)}. Checkpoints "
        f"were chosen on {SELECTION[result['selection']]}.",
        "kept: macro over the teacher's on the same tasks. agreement: how often the network "
        "decides as its teacher (for grades, their correlation). n: networks trained.",
    ]
    if group.drawn_anew:
        notes.append(f"Drawn anew with each seed: {', '.join(group.drawn_anew)}.")
    if group.teachers:
        name = f"Teacher: {result['teacher']['name']}"
        one = "one for all seeds, its score has no spread"
        notes.append(f"{name}; {one if group.teachers == 1 else f'{group.teachers} of them'}.")
    return Table(group.title, columns, rows, notes)


def _closing(group: Group, arm: str) -> list[str]:
    """Macro, kept, agreement and n; no macro for a network that has not learnt every task."""
    runs, result = group.runs, group.runs[0].result
    of_teacher = is_teacher(arm, result)
    students = [other for other in group.arms if not is_teacher(other, result)]
    most = max(len(runs[0].scores(other)) for other in students)
    tasks = [run.scores(arm) for run in runs]
    whole = all(len(own) == most for own in tasks)
    kept = []
    if "teacher" in group.arms and not of_teacher:
        kept = [
            100 * macro(own) / macro(run.scores("teacher"), own)
            for own, run in zip(tasks, runs, strict=True)
            if own.keys() <= run.scores("teacher").keys()
        ]
    alike = [fmean(found.values()) for run in runs if (found := run.arms[arm].get("agreement"))]
    count = group.teachers if arm == "teacher" else len(runs)
    return [
        spread(group.macro(arm)) if whole or of_teacher else "",
        f"{spread(kept)} %" if kept else "",
        spread(alike),
        str(count),
    ]


def seeds_of(group: Group) -> str:
    """The seeds of a group's runs."""
    return ", ".join(str(run.seed) for run in group.runs)


def difference_table(
    found: Sequence[Comparison], name: Callable[[Network], str] | None = None
) -> Table:
    """Networks against another: over seeds, and over the rows of each task.

    Args:
        found: one comparison or more, all with the same network.
        name: what the table calls a network; else by its arm.
    """
    called = name or (lambda network: shown(network.arm, network.group))
    tasks = list(dict.fromkeys(task for one in found for task in one.tasks))
    columns = ["network", "macro minus", "± SE", "n", "verdict"]
    columns += [
        f"{task} {what}" for task in tasks for what in ("minus", "p bootstrap", "p McNemar")
    ]
    rows = []
    for one in found:
        seeds = one.seeds
        row = [called(one.network), f"{seeds.mean:+.1f}"]
        row += ["" if seeds.error is None else f"{seeds.error:.1f}", str(seeds.n), verdict(seeds)]
        for task in tasks:
            row.append(f"{one.tasks[task]:+.1f}" if task in one.tasks else "")
            row += [_p(kind.get(task)) for kind in (one.bootstrap, one.mcnemar)]
        rows.append(row)
    notes = [
        "Verdict: paired over seeds, better or worse if the difference is larger than two standard "
        "errors over three seeds or more." + _by_chance(found),
        *_of_p(max(one.seeds.n for one in found)),
    ]
    return Table(f"Differences from {called(found[0].against)}", columns, rows, notes)


def _of_p(seeds: int) -> list[str]:
    """What the p-values are, and how far they reach."""
    about = {
        1: "with one seed it is about these very networks, and says nothing of other seeds",
        2: "with two seeds it is too small at times: 0.05 may stand for 0.1",
    }
    reach = about.get(seeds, "so it is about other seeds and other rows alike")
    return [
        "p bootstrap: two-sided, of a paired bootstrap with 2,000 samples of the rows, the same "
        "for both networks and all seeds, together with the spread over seeds (Obuchowski & "
        f"Rockette's test); {reach}.",
        "p McNemar: exact, two-sided, of the majority over seeds. It is about these very networks: "
        "whether they differ on other rows, not whether other seeds would. Both kinds of p are "
        "corrected for the number of comparisons in this table (Holm), each by itself.",
    ]


def verdict(seeds: OverSeeds) -> str:
    """`better`, `worse`, `not shown`, or that there are too few seeds to say."""
    if seeds.n < 3:
        return "too few seeds"
    if not seeds.shown:
        return "not shown"
    return "better" if seeds.mean > 0 else "worse"


def _by_chance(found: Sequence[Comparison]) -> str:
    """How far the verdict is to be trusted."""
    n = min((one.seeds.n for one in found if one.seeds.n >= 3), default=0)
    if not n:
        return ""
    rate = next(one.seeds.by_chance for one in found if one.seeds.n == n)
    return f" Of networks that are equally good {rate:.0%} pass this by chance (n = {n})."


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


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


def markdown(table: Table) -> str:
    """With a heading, remarks below."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *lines, "", *(f"{note}\n" for note in table.notes)])


def latex(table: Table) -> str:
    """A `table` with booktabs rules, as wide as the text at most."""
    rows = [" & ".join(map(_escaped, row)) + r" \\" for row in table.rows]
    head = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(table.title)}}}"]
    head += [r"\begin{adjustbox}{max width=\textwidth}"]
    head += [rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", r"\toprule"]
    head += [" & ".join(map(_escaped, table.columns)) + r" \\", r"\midrule"]
    notes = [rf"\par\small {_escaped(note)}" for note in table.notes]
    end = [r"\bottomrule", r"\end{tabular}", r"\end{adjustbox}", *notes, r"\end{table}", ""]
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
