"""The report on finished runs: Markdown, LaTeX, CSV and one HTML page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdlight.report import page, plots, tables
from kdlight.report.collect import Group, find_runs, groups
from kdlight.report.compare import compare
from kdlight.report.task_groups import groups_table

LEAD = (
    "Teacher, the same student on gold labels alone, and the distilled student, side by side. "
    "Every score was computed again from the stored predictions, and agrees."
)


def write_report(pattern: str, out: Path) -> list[Group]:
    """Writes `report.md`, `.tex`, `.csv` and `.html` to `out`; the groups that were found."""
    found = groups(find_runs(pattern))
    out.mkdir(parents=True, exist_ok=True)
    made = [_tables(group) for group in found]
    every = [table for part in made for table in part]
    (out / "report.md").write_text("# Report\n\n" + "\n".join(map(tables.markdown, every)))
    (out / "report.tex").write_text("\n".join(map(tables.latex, every)))
    (out / "report.csv").write_text(tables.comma_separated(found))
    parts, tables_of = [], {id(group): part for group, part in zip(found, made, strict=True)}
    for alike in _alike(found):
        for group in alike:
            parts += [page.table(table) for table in tables_of[id(group)]]
            drawn = plots.curves(group)
            text = f"Training of seed {group.runs[0].seed}: {group.title}"
            parts.append(page.details("Curves", page.figure(drawn, text)) if drawn else "")
            parts.append(page.details("Where this comes from", page.facts(_provenance(group))))
        parts.append(page.row(_pareto(alike)))
    (out / "report.html").write_text(page.page("kdlight report", LEAD, parts))
    return found


def _tables(group: Group) -> list[tables.Table]:
    apart = groups_table(group)
    found = [apart, tables.score_table(group)] if apart else [tables.score_table(group)]
    if "baseline" in group.arms:
        found.append(tables.difference_table(group, compare(group, "baseline")))
    return [*found, tables.cost_table(group)]


def _alike(found: Sequence[Group]) -> list[list[Group]]:
    """Groups whose scores can be held against each other: of the same rows of the same tasks."""
    alike: dict[tuple[Any, ...], list[Group]] = {}
    for group in found:
        result = group.runs[0].result
        tasks = tuple(sorted(group.runs[0].scores("student")))
        alike.setdefault((tasks, result.get("data_source"), result.get("split")), []).append(group)
    return list(alike.values())


def _pareto(found: Sequence[Group]) -> list[str]:
    parts = []
    for points, label in (
        (plots.by_latency(found), "milliseconds at batch 1"),
        (plots.by_parameters(found), "parameters without embeddings"),
    ):
        if drawn := plots.scatter(points, label):
            tasks = "+".join(found[0].runs[0].scores("student"))
            text = f"{tasks}: quality against {label}; bars: range over seeds."
            parts.append(page.figure(drawn, text))
    return parts


def _provenance(group: Group) -> list[tuple[str, str]]:
    lines = []
    for run in group.runs:
        result = run.result
        versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
        lines += [
            (f"seed {run.seed}", str(run.folder)),
            ("command", result["command"]),
            ("commit", f"{result['git_commit']}; {versions}"),
            ("machine", json.dumps(result["hardware"])),
        ]
    return lines
