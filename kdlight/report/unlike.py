"""What the runs of a group differ in beside their seed: commits, machines and the like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdlight.report.collect import Run
from kdlight.report.groups import Group

Parts = Mapping[str, str]


def unlike(group: Group) -> list[str]:
    """A remark for everything that is not the same in all runs; they stand together all the same.

    What `precision=auto` became is known by network.
    """
    remarks = []
    for what, of in PARTS.items():
        if differ := _differ(group.runs, what):
            found: dict[str, list[str]] = {}
            for run in group.runs:
                parts = of(run)
                value = ", ".join(f"{key} {parts[key]}".strip() for key in differ if key in parts)
                found.setdefault(value or "none", []).append(str(run.seed))
            sides = "; ".join(f"seed {', '.join(seeds)}: {value}" for value, seeds in found.items())
            remarks.append(f"Attention, not all seeds are alike in {what}. {sides}.")
    return remarks


def unlike_in_any(groups: Sequence[Group]) -> list[str]:
    """One remark on what is not the same in all runs of several groups."""
    runs = [run for group in groups for run in group.runs]
    differ = [what for what in PARTS if _differ(runs, what)]
    if not differ:
        return []
    where = "see where each setting comes from, below"
    return [f"Attention, not all of these runs are alike in {', '.join(differ)}: {where}."]


def _differ(runs: Sequence[Run], what: str) -> list[str]:
    """The parts that have several values; of networks, among the runs that have them."""
    found = [PARTS[what](run) for run in runs]
    found = [parts for parts in found if parts]
    absent = None if what == OF_NETWORKS else ""
    values = {key: {parts.get(key, absent) for parts in found} for parts in found for key in parts}
    return [key for key, several in values.items() if len(several - {None}) > 1]


def _commit(run: Run) -> Parts:
    """Its first letters, `+` if the files were changed."""
    commit = run.result.get("git_commit") or ""
    short = commit[:10] + "+" * (commit.endswith("+") and len(commit) > 10)
    return {"": short} if short else {}


def _texts(about: Mapping[str, Any] | None) -> Parts:
    return {key: str(v).replace(", ", " and ") for key, v in (about or {}).items() if v}


OF_NETWORKS = "precision"
PARTS: dict[str, Callable[[Run], Parts]] = {
    "commits": _commit,
    "versions": lambda run: _texts(run.result.get("versions")),
    "machines": lambda run: _texts(run.result.get("hardware")),
    OF_NETWORKS: lambda run: _texts(run.result.get("precision")),
    "settings that were to be disregarded": lambda run: _texts(run.aside),
}
