"""Runs of several settings in one table: the students of a sweep side by side."""

import json
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from kdlight.report.collect import Run, macro
from kdlight.report.compare import compare_settings
from kdlight.report.differences import difference_table
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher, tasks_name
from kdlight.report.statistics import over_seeds
from kdlight.report.tables import BESIDE, Table, shown, spread, verdict, whole_macro
from kdlight.report.unlike import unlike_in_any


def comparable(found: Sequence[Group]) -> list[list[Group]]:
    """Groups whose scores can be held against each other: of the same rows of the same tasks."""
    alike: dict[str, list[Group]] = {}
    for group in found:
        rows = [dict(sorted(run.rows.items())) for run in group.runs]
        known = rows[:1] if all(group.same_rows(task) for task in rows[0]) else rows
        alike.setdefault(json.dumps(known), []).append(group)
    return list(alike.values())


def settings_tables(groups: Sequence[Group]) -> list[Table]:
    """The overview of several groups, and the tests of the first one's student against others."""
    found = compare_settings(groups)
    tests = (
        [difference_table(found, lambda one: name_among(one.arm, one.group, groups))]
        if found
        else []
    )
    return [overview_table(groups, bool(tests)), *tests]


def overview_table(groups: Sequence[Group], tested: bool = False) -> Table:
    """Every network of groups that were scored on the same rows, each once.

    Two columns hold each student against that of the first group, paired over the seeds that
    both have; `tested`: a table of tests follows.
    """
    first = groups[0]
    metrics = [metric for metric in first.metrics if all(metric in g.metrics for g in groups)]
    beside = metrics if len(metrics) <= BESIDE else []
    columns = ["network", "macro", "agreement", "n", "minus the first student", "verdict"]
    columns += [f"{task} {metric}" for task, metric in beside]
    rows = []
    for arm, group in each_network(groups):
        alike = [
            fmean(found.values()) for run in group.runs if (found := run.arms[arm].get("agreement"))
        ]
        rows.append([
            name_among(arm, group, groups),
            whole_macro(group, arm),
            spread(alike),
            str(group.teachers if arm == "teacher" else len(group.runs)),
            *_apart(group, arm, first),
            *(spread(group.values(arm, *metric)) for metric in beside),
        ])  # fmt: skip
    notes = [
        "All settings that were scored on the same rows. The first student, by the names of the "
        f"run folders: {name_among('student', first, groups)}. Differences of the macro: mean ± "
        "standard error, paired over seeds; many are compared here, and none is corrected for "
        f"that{', as those of the next table are' if tested else ''}.",
    ]
    if metrics != beside:
        notes.append("Scores of the tasks: in the table of each setting, below.")
    notes += unlike_in_any(groups)
    tasks = tasks_name(dict.fromkeys(task for task, _ in metrics))
    return Table(f"All together: {tasks}", columns, rows, notes)


def each_network(groups: Sequence[Group]) -> list[tuple[str, Group]]:
    """Teachers first, then baselines, then what was distilled; what groups share once."""
    order = ("teacher", "baseline")
    found = [(arm, group) for arm in order for group in groups if arm in group.arms]
    return _once(found + [(a, group) for group in groups for a in group.arms if a not in order])


def _once(networks: Sequence[tuple[str, Group]]) -> list[tuple[str, Group]]:
    """Without those that are the same on the seeds they share."""
    found: list[tuple[str, Group]] = []
    for arm, group in sorted(networks, key=lambda network: -len(network[1].runs)):
        if not any(_same(arm, [group, other]) for name, other in found if name == arm):
            found.append((arm, group))
    return [network for network in networks if any(network == one for one in found)]


def _same(arm: str, groups: Sequence[Group]) -> bool:
    """Whether an arm is one network in several groups, on the seeds that all of these have.

    Two settings may tie in their scores, so that the outputs of their students decide; where these
    were not kept, gold-only students alone are told by their scores, and teachers everywhere.
    """
    runs = [{run.seed: run for run in group.runs} for group in groups]
    first, *others = runs
    seeds = set.intersection(*map(set, runs))
    pairs = [(first[seed], other[seed]) for other in others for seed in seeds]
    by_scores = is_teacher(arm, groups[0].runs[0].result)
    return bool(pairs) and all(
        one.scores(arm) == two.scores(arm) and (by_scores or _same_outputs(arm, one, two))
        for one, two in pairs
    )


def _same_outputs(arm: str, one: Run, two: Run) -> bool:
    """Whether an arm has the same outputs in two runs that are equal in scores."""
    for task in one.scores(arm):
        first, second = (run.predictions.get(task, {}).get(arm) for run in (one, two))
        if first is None or second is None:
            if arm != "baseline":
                return False
        elif not np.array_equal(first, second):
            return False
    return True


def name_among(arm: str, group: Group, groups: Sequence[Group]) -> str:
    """What tables and pictures call a network: with its setting, unless all groups share it."""
    shared = _same(arm, [other for other in groups if arm in other.arms])
    common = set.intersection(*(set(other.special.split()) for other in groups))
    special = " ".join(word for word in group.special.split() if word not in common)
    name = shown(arm, group)
    if len({other.runs[0].result["student"]["name"] for other in groups}) > 1 and arm != "teacher":
        name = f"{group.runs[0].result['student']['name']}, {name.removeprefix('student, ')}"
    return name if shared or not special else f"{name} ({special})"


def _apart(group: Group, arm: str, first: Group) -> list[str]:
    """A network's macro minus that of the first student over the seeds that both have."""
    theirs = {run.seed: run.scores("student") for run in first.runs}
    pairs = [(run.scores(arm), theirs[run.seed]) for run in group.runs if run.seed in theirs]
    alike = all(ours.keys() == others.keys() for ours, others in pairs)
    itself = arm == "student" and group is first
    if not pairs or not alike or itself or is_teacher(arm, group.runs[0].result):
        return ["", ""]
    found = over_seeds(*([macro(scores) for scores in side] for side in zip(*pairs, strict=True)))
    error = "" if found.error is None else f" ± {found.error:.1f}"
    return [f"{found.mean:+.1f}{error}", verdict(found)]
