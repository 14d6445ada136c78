"""Groups of tasks side by side: what a teacher's tasks are worth inside them and outside."""

from kdlight.report.collect import macro
from kdlight.report.groups import Group
from kdlight.report.statistics import OverSeeds, over_seeds
from kdlight.report.tables import Table, over_seeds_of, shown, spread, verdict

AGAINST = ("baseline", "plain")


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
        columns += [f"minus {shown(arm, group)}" for arm in controls]
    rows = []
    for arm in group.arms:
        row = [shown(arm, group)]
        for about in names.values():
            values = _macros(group, arm, about["tasks"])
            row.append(spread(values))
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
    return Table(f"{group.title.split(', ')[0]}: groups of tasks", columns, rows, notes)


def _title(name: str) -> str:
    return name.replace("_", "-")


def _macros(group: Group, arm: str, tasks: list[str]) -> list[float]:
    return [macro(run.scores(arm), tasks) for run in group.runs]


def _difference(found: OverSeeds) -> str:
    error = "" if found.error is None else f" ± {found.error:.1f}"
    return f"{found.mean:+.1f}{error}, {verdict(found)}"
