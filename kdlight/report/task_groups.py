"""Groups of tasks side by side: what a teacher's tasks are worth inside them and outside."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from kdlight.report.collect import macro
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher
from kdlight.report.statistics import OverSeeds, over_seeds
from kdlight.report.tables import (
    FEWEST,
    Table,
    of_one_encoder,
    over_seeds_of,
    shown,
    spread,
    verdict,
)

AGAINST = ("baseline", "plain")
DRAW = re.compile(r"_\d+rows_(\d+)$")  # the end of a name, of a task learnt from few rows
OVER_DRAWS = "± over draws"


def group_tables(group: Group) -> list[Table]:
    """Each network's mean score a group of tasks; and what it keeps and gains beside others.

    Empty where the runs tell no groups apart.
    """
    names = group.runs[0].result.get("groups")
    if not names:
        return []
    title = f"{group.title.split(', ')[0]}: groups of tasks"
    tables = [_scores(group, names, title)]
    taught = ["teacher"] * ("teacher" in group.arms)
    controls = [arm for arm in AGAINST if arm in group.arms]
    rows = []
    for arm in group.arms:
        if is_teacher(arm, group.runs[0].result):
            continue
        # Of two controls the second is held against the first, and not once more the other way.
        others = controls[: controls.index(arm)] if arm in controls else controls
        for other in [*taught, *others]:
            cells = [_against(group, arm, other, about["tasks"]) for about in names.values()]
            if any(cells):
                rows.append([shown(arm, group), shown(other, group), *cells])
    if rows:
        few = ", too few for a verdict" * (len(group.runs) < FEWEST)
        notes = ["Beside a teacher: how much of its mean is kept. Beside others: mean difference ± "
                 f"standard error, paired over seeds; {over_seeds_of(group)}{few}."]  # fmt: skip
        columns = ["network", "beside", *map(_title, names)]
        tables.append(Table(f"{title}, beside others", columns, rows, notes))
    return tables


def _scores(group: Group, names: Mapping[str, Any], title: str) -> Table:
    columns = ["network"]
    for name, about in names.items():
        columns.append(f"{_title(name)} ({len(about['tasks'])})")
        columns += [OVER_DRAWS] if _draws(about["tasks"]) else []
    rows = []
    for arm in group.arms:
        row = [shown(arm, group)]
        for about in names.values():
            row += _cells(group, arm, about["tasks"])
        rows.append(row)
    each = ", each network after its fine-tuning on the task" * (
        group.runs[0].result["method"] == "agnostic"
    )
    notes = [
        f"Mean over the tasks of a group, percent{each}; {over_seeds_of(group)}.",
        *(f"{_title(name)}: {', '.join(about['tasks'])}" for name, about in names.items()),
        *of_one_encoder(group),
    ]
    if OVER_DRAWS in columns:
        notes.append(f"{OVER_DRAWS}: standard deviation of the means over tasks and seeds.")
    return Table(title, columns, rows, notes)


def _cells(group: Group, arm: str, tasks: Sequence[str]) -> list[str]:
    """A network's mean over some tasks; empty if it lacks one."""
    draws = _draws(tasks)
    if not _has(group, arm, tasks):
        return [""] * (1 + bool(draws))
    over = [f"{_over_draws(group, arm, draws):.1f}"] if draws else []
    return [spread(_macros(group, arm, tasks)), *over]


def _against(group: Group, arm: str, other: str, tasks: Sequence[str]) -> str:
    """What a network keeps of a teacher's mean, or gains on another's; empty for itself."""
    if arm == other or not _has(group, arm, tasks) or not _has(group, other, tasks):
        return ""
    values, theirs = _macros(group, arm, tasks), _macros(group, other, tasks)
    if other != "teacher":
        return _difference(over_seeds(values, theirs))
    kept = [100 * own / most for own, most in zip(values, theirs, strict=True) if most]
    return f"{spread(kept)} %" if kept else ""


def _has(group: Group, arm: str, tasks: Sequence[str]) -> bool:
    return all(task in run.scores(arm) for run in group.runs for task in tasks)


def _title(name: str) -> str:
    return name.replace("_", "-")


def _draws(tasks: Sequence[str]) -> list[list[str]]:
    """The tasks of each draw of few rows, where there are several; else nothing."""
    found: dict[str, list[str]] = {}
    for task in tasks:
        drawn = DRAW.search(task)
        found.setdefault(drawn[1] if drawn else "", []).append(task)
    return list(found.values()) if len(found) > 1 else []


def _over_draws(group: Group, arm: str, draws: list[list[str]]) -> float:
    """How far the draws lie from each other, each the mean over seeds and tasks."""
    return stdev(fmean(_macros(group, arm, tasks)) for tasks in draws)


def _macros(group: Group, arm: str, tasks: Sequence[str]) -> list[float]:
    return [macro(run.scores(arm), tasks) for run in group.runs]


def _difference(found: OverSeeds) -> str:
    error = "" if found.error is None else f" ± {found.error:.1f}"
    said = "" if found.n < FEWEST else f", {verdict(found)}"
    return f"{found.mean:+.1f}{error}{said}"
