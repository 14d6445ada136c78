"""What the runs of a group differ in beside their seed: commits, versions, machines, precision."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdlight.report.collect import Run
from kdlight.report.groups import Group


def unlike(group: Group) -> list[str]:
    """A remark for everything that is not the same in all runs; they stand together all the same.

    What `precision=auto` became is known by network.
    """
    differ = []
    for what, of in PARTS.items():
        if len(found := _by(group.runs, of)) > 1:
            sides = "; ".join(f"seed {', '.join(seeds)}: {value}" for value, seeds in found.items())
            differ.append(f"Attention, not all seeds are alike in {what}. {sides}.")
    return differ


def unlike_in_any(groups: Sequence[Group]) -> list[str]:
    """One remark on what is not the same in all runs of several groups."""
    runs = [run for group in groups for run in group.runs]
    differ = [what for what, of in PARTS.items() if len(_by(runs, of)) > 1]
    if not differ:
        return []
    where = "see where each setting comes from, below"
    return [f"Attention, not all of these runs are alike in {', '.join(differ)}: {where}."]


def _by(runs: Sequence[Run], of: Callable[[Mapping[str, Any]], str]) -> dict[str, list[str]]:
    """Seeds by a value of their results; without the parts that all share."""
    found: dict[str, list[str]] = {}
    for run in runs:
        if value := of(run.result):
            found.setdefault(value, []).append(str(run.seed))
    shared = set.intersection(*(set(value.split(", ")) for value in found)) if found else set()
    return {
        ", ".join(part for part in value.split(", ") if part not in shared) or "none": seeds
        for value, seeds in found.items()
    }


def _commit(result: Mapping[str, Any]) -> str:
    """Its first letters, `+` if the files were changed."""
    commit = result.get("git_commit") or ""
    return commit[:10] + "+" * (commit.endswith("+") and len(commit) > 10)


def _words(about: Mapping[str, Any] | None) -> str:
    found = (about or {}).items()
    return ", ".join(f"{key} {str(value).replace(', ', ' and ')}" for key, value in found if value)


PARTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "commits": _commit,
    "versions": lambda result: _words(result.get("versions")),
    "machines": lambda result: _words(result.get("hardware")),
    "precision": lambda result: _words(result.get("precision")),
}
