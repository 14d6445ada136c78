"""What a sweep says at its end, on the terminal and in its folder."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kdlight.launch.sweep.frame import score_text, words_apart
from kdlight.launch.sweep.job import LOG, SweepJob
from kdlight.report.names import network_name

SUMMARY = "summary.txt"
MOST = 3  # variants that have room beside the other networks


@contextmanager
def closing(jobs: Sequence[SweepJob], folder: Path, outputs: str) -> Iterator[None]:
    """Says behind its block what has come of the jobs.

    Args:
        jobs: known at the end of the block.
        folder: of the sweep, where the same is kept in `summary.txt`.
        outputs: where W&B writes what it cannot send.
    """
    before = _offline(outputs)
    try:
        yield
    finally:
        unsent = outputs if _offline(outputs) - before else None
        with suppress(OSError):  # of a terminal that is gone
            console = Console() if sys.stdout.isatty() else Console(width=120)
            _print(console, jobs, folder, unsent)
        with suppress(OSError), (folder / SUMMARY).open("w") as file:  # of a disk that is full
            _print(Console(file=file, width=120), jobs, folder, unsent)


def _offline(outputs: str) -> set[Path]:
    """Runs that W&B has not sent."""
    return set(Path(outputs).glob("wandb/offline-run-*"))


def _macros(job: SweepJob) -> dict[str, float | None]:
    """The macro of each network of a job."""
    result = job.result or {}
    variants = {arm: found["macro"] for arm, found in (result.get("variants") or {}).items()}
    return {**(result.get("macro") or {}), **variants}


def _names(jobs: Sequence[SweepJob]) -> dict[str, str]:
    """What the columns call the networks; variants only where they are few."""
    found: dict[str, str] = {"teacher": "teacher", "baseline": "gold only"}
    variants: dict[str, str] = {}
    for job in jobs:
        result = {"method": "", "variants": {}, **(job.result or {})}
        called = {arm: network_name(arm, result) for arm in ("baseline", *result["variants"])}
        called = {arm: name.removeprefix("student, ") for arm, name in called.items()}
        if job.result:
            found["baseline"] = called.pop("baseline")
            variants |= called
    return {**found, **(variants if len(variants) <= MOST else {}), "student": "student"}


def _by_group(
    groups: Sequence[tuple[SweepJob, Mapping[str, Any]]], names: Mapping[str, str]
) -> Table:
    """The means of groups of tasks, all networks of a job in one cell."""
    table = Table(title=f"groups of tasks: {' / '.join(names.values())}")
    table.add_column("job", justify="right")
    every = list(dict.fromkeys(group for _, found in groups for group in found))
    for group in every:
        table.add_column(group.replace("_", "-"), justify="right")
    for job, found in groups:
        cells = []
        for group in every:
            macro = found[group]["macro"] if group in found else {}
            cells.append(" / ".join(score_text(macro.get(arm)) or "-" for arm in names))
        table.add_row(str(job.number), *cells)
    return table


def _print(console: Console, jobs: Sequence[SweepJob], folder: Path, unsent: str | None) -> None:
    """The jobs with their scores; of a failed one why, its last lines, and where its log is."""
    table = Table(title=f"sweep of {len(jobs)} jobs: macro scores in percent")
    table.add_column("job", justify="right")
    table.add_column("overrides", overflow="fold")
    names = _names(jobs)
    for column in (*names.values(), "kept", "state"):
        table.add_column(column, justify="right")
    words = words_apart(jobs)
    for job in jobs:
        macros = _macros(job)
        kept = (job.result or {}).get("retention")
        cells = [score_text(macros.get(arm)) for arm in names]
        cells.append(f"{kept:.1%}" if kept else "")
        table.add_row(str(job.number), Text(words[job.number]), *cells, job.state)
    console.print(table)
    if groups := [(job, found) for job in jobs if (found := (job.result or {}).get("groups"))]:
        console.print(_by_group(groups, names))
    for job in jobs:
        if job.state == "failed":
            why = f", {job.reason}" if job.reason else ""
            place = os.path.relpath(job.folder / LOG)
            console.print(f"[red]job {job.number} failed[/red]{why}; its log is {place} and ends:",
                          soft_wrap=True)  # fmt: skip
            for line in job.last_lines():
                console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)
    if unsent:
        place = shlex.quote(os.path.relpath(Path(unsent) / "wandb"))
        console.print(f"W&B, to upload all jobs: wandb sync {place}/offline-run-*", soft_wrap=True)
    console.print(f"Results: {os.path.relpath(folder)}/*/result.json", soft_wrap=True)
