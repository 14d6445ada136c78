"""Groups of tasks side by side: what a teacher's tasks are worth inside them and outside."""

import re
from collections.abc import Sequence
from statistics import fmean, stdev

from kdlight.report.collect import macro
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher
from kdlight.report.statistics import OverSeeds, over_seeds
from kdlight.report.tables import Table, of_one_encoder, over_seeds_of, shown, spread, verdict

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
        columns += ["kept"] if "teacher" in group.arms else []
        columns += [f"minus {shown(arm, group)}" for arm in controls]
    rows = []
    for arm in group.arms:
        row = [shown(arm, group)]
        for about in names.values():
            row += _cells(group, arm, about["tasks"], controls)
        rows.append(row)
    each = ", each network after its fine-tuning on the task" * (
        group.runs[0].result["method"] == "agnostic"
    )
    notes = [
        f"Mean over the tasks of a group, percent{each}; {over_seeds_of(group)}. kept: of the "
        "teacher's mean. Differences: mean ± standard error, paired over seeds.",
        *(
            f"{name.replace('_', '-')}: {', '.join(about['tasks'])}"
            for name, about in names.items()
        ),
    ]
    notes += of_one_encoder(group)
    if OVER_DRAWS in columns:
        notes.append(f"{OVER_DRAWS}: standard deviation of the means over tasks and seeds.")
    return Table(f"{group.title.split(', ')[0]}: groups of tasks", columns, rows, notes)


def _cells(group: Group, arm: str, tasks: Sequence[str], controls: Sequence[str]) -> list[str]:
    """A network's mean over some tasks and what it is held against; empty if it lacks one."""
    draws = _draws(tasks)
    taught = "teacher" in group.arms
    if not all(task in run.scores(arm) for run in group.runs for task in tasks):
        return [""] * (1 + bool(draws) + taught + len(controls))
    values = _macros(group, arm, tasks)
    cells = [spread(values)]
    if draws:
        cells.append(f"{_over_draws(group, arm, draws):.1f}")
    if taught:
        whole = _macros(group, "teacher", tasks)
        kept = [100 * own / most for own, most in zip(values, whole, strict=True) if most]
        cells.append(
            f"{spread(kept)} %" if kept and not is_teacher(arm, group.runs[0].result) else ""
        )
    for control in controls:
        itself = arm == control or is_teacher(arm, group.runs[0].result)
        theirs = [] if itself else _macros(group, control, tasks)
        cells.append("" if itself else _difference(over_seeds(values, theirs)))
    return cells


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
    return f"{found.mean:+.1f}{error}, {verdict(found)}"
