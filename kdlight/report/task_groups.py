"""Groups of tasks side by side: what a teacher's tasks are worth inside them and outside."""

import re
from collections.abc import Sequence
from statistics import fmean, stdev

from kdlight.report.collect import macro
from kdlight.report.groups import Group
from kdlight.report.statistics import OverSeeds, over_seeds
from kdlight.report.tables import Table, over_seeds_of, shown, spread, verdict

AGAINST = ("baseline", "plain")
DRAW = re.compile(r"_\d+rows_(\d+)$")  # the end of a name, of a task learnt from few rows
OVER_DRAWS = "± over draws"


def groups_table(group: Group) -> Table | None:
    """Each network's mean score a group of tasks, and how far it is from the controls.

    None where the runs tell no groups apart.
    """
    names = group.runs[0].result.get("groups")
    if not names:
        return None
    controls = [arm for arm in AGAINST if arm in group.arms]
    columns = ["network"]
    for name, about in names.items():
        columns.append(f"{_title(name)} ({len(about['tasks'])})")
        columns += [OVER_DRAWS] if _draws(about["tasks"]) else []
        columns += [f"minus {shown(arm, group)}" for arm in controls]
    rows = []
    for arm in group.arms:
        row = [shown(arm, group)]
        for about in names.values():
            values = _macros(group, arm, about["tasks"])
            row.append(spread(values))
            if draws := _draws(about["tasks"]):
                row.append(f"{_over_draws(group, arm, draws):.1f}")
            for control in controls:
                theirs = _macros(group, control, about["tasks"])
                alike = arm in ("teacher", control)
                row.append("" if alike else _difference(over_seeds(values, theirs)))
        rows.append(row)
    notes = [
        "Mean over the tasks of a group, percent, each network after its fine-tuning on the task; "
        f"{over_seeds_of(group)}. Differences: mean ± standard "
        "error, paired over seeds.",
        *(
            f"{name.replace('_', '-')}: {', '.join(about['tasks'])}"
            for name, about in names.items()
        ),
    ]
    if OVER_DRAWS in columns:
        notes.append(f"{OVER_DRAWS}: standard deviation of the means over tasks and seeds.")
    return Table(f"{group.title.split(', ')[0]}: groups of tasks", columns, rows, notes)


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


def _macros(group: Group, arm: str, tasks: list[str]) -> list[float]:
    return [macro(run.scores(arm), tasks) for run in group.runs]


def _difference(found: OverSeeds) -> str:
    error = "" if found.error is None else f" ± {found.error:.1f}"
    return f"{found.mean:+.1f}{error}, {verdict(found)}"
