"""The report on finished runs: Markdown, LaTeX, CSV and one HTML page."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from kdlight.report import formats, page, plots, tables
from kdlight.report.collect import find_runs
from kdlight.report.compare import compare
from kdlight.report.cost import cost_table
from kdlight.report.differences import difference_table
from kdlight.report.groups import Group, groups
from kdlight.report.names import tasks_name
from kdlight.report.overview import comparable, settings_tables
from kdlight.report.task_groups import group_tables

LEAD = "Teacher, the same student on gold labels alone, and the distilled student, side by side. "
ON_TEXT = (
    "Teacher, and the same student from random weights, from a plain teacher and from one of many "
    "tasks, each after fine-tuning, side by side. "
)
CHECKED = "Every score was computed again from the stored predictions, and agrees"


def write_report(
    pattern: str,
    out: Path,
    tasks: Mapping[str, Sequence[str]] | None = None,
    disregard: Sequence[str] = (),
) -> list[Group]:
    """Writes `report.md`, `.tex`, `.html` and two `.csv` to `out`; the groups that were found.

    Args:
        pattern: of run folders, as a glob.
        out: a folder, made where it is not there.
        tasks: groups of tasks whose means are told, by name.
        disregard: settings that tell no runs apart.
    """
    found = groups(find_runs(pattern, tasks, disregard))
    out.mkdir(parents=True, exist_ok=True)
    on_text = found and all(g.runs[0].result["method"] == "agnostic" for g in found)
    lead = (ON_TEXT if on_text else LEAD) + _checked(found)
    every: list[tuple[tables.Table, int]] = []
    parts: list[str] = []
    told: set[str] = set()
    for alike in comparable(found):
        above = _levels(settings_tables(alike) if len(alike) > 1 else [])
        every += above
        parts += [page.table(*table, told) for table in above]
        pictures = page.row(_pareto(alike))
        parts += [pictures] if above else []  # of all settings, before what is of one
        for group in alike:
            made = _levels(_tables(group))
            every += made
            parts += [page.table(*table, told) for table in made]
            drawn = plots.curves(group)
            text = f"Training of seed {group.runs[0].seed}: {group.title}"
            parts.append(page.details("Curves", page.figure(drawn, text)) if drawn else "")
            parts.append(page.details("Where this comes from", page.facts(_provenance(group))))
        parts += [] if above else [pictures]
    sources = [formats.markdown(_sources(group)) for group in found]
    written = [formats.markdown(*table) for table in every]
    (out / "report.md").write_text("\n".join([f"# Report\n\n{lead}\n", *written, *sources]))
    plain = [formats.latex(table) for table, _ in every]
    (out / "report.tex").write_text("\n".join([formats.PACKAGES, *plain]))
    (out / "report.csv").write_text(formats.comma_separated(found))
    (out / "report_networks.csv").write_text(formats.networks_separated(found))
    (out / "report.html").write_text(page.page("kdlight report", lead, parts))
    return found


def _levels(made: Sequence[tables.Table]) -> list[tuple[tables.Table, int]]:
    """Tables with the levels of their headings: those that follow belong to the first."""
    return [(table, 3 if number else 2) for number, table in enumerate(made)]


def _checked(found: Sequence[Group]) -> str:
    """What was computed again from the predictions, and what could not be."""
    unknown = sorted({name for group in found for run in group.runs for name in run.unknown})
    return f"{CHECKED}, but for {', '.join(unknown)}." if unknown else f"{CHECKED}."


def _tables(group: Group) -> list[tables.Table]:
    found = [*group_tables(group), tables.score_table(group)]
    if "baseline" in group.arms and (apart_from := compare(group, "baseline")):
        found.append(difference_table(apart_from))
    return [*found, cost_table(group)]


def _pareto(found: Sequence[Group]) -> list[str]:
    parts = []
    for points, label in (
        (plots.by_latency(found), "milliseconds at batch 1"),
        (plots.by_parameters(found), "parameters without embeddings"),
    ):
        if drawn := plots.scatter(points, label):
            tasks = tasks_name(found[0].runs[0].scores("student"))
            text = f"{tasks}: quality against {label}; bars: range over seeds."
            if len(points) > plots.MOST:
                text += f" The first {plots.MOST} of {len(points)} networks are drawn."
            parts.append(page.figure(drawn, text))
    return parts


def _provenance(group: Group) -> list[tuple[str, str]]:
    lines = []
    for run in group.runs:
        result = run.result
        versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
        lines += [
            (f"seed {run.seed}", str(run.folder)),
            ("command", _command(result["command"])),
            ("commit", f"{result['git_commit']}; {versions}"),
            ("machine", json.dumps(result["hardware"])),
            ("precision", json.dumps(result.get("precision") or {})),
        ]
    return lines


def _sources(group: Group) -> tables.Table:
    """Where the numbers come from, a row a run."""
    rows = [
        [str(run.seed), str(run.folder), run.result["git_commit"], _command(run.result["command"])]
        for run in group.runs
    ]
    return tables.Table(f"Runs: {group.title}", ["seed", "folder", "commit", "command"], rows)


def _command(typed: str) -> str:
    """A command that makes the run anew: without the folder that a sweep gave it."""
    return shlex.join(word for word in shlex.split(typed) if not word.startswith("hydra."))
