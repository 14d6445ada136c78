"""What a sweep says at its end, on the terminal and in its folder."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kdlight.launch.sweep.frame import score_text, words_apart
from kdlight.launch.sweep.job import LOG, SweepJob

SUMMARY = "summary.txt"


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


def _print(console: Console, jobs: Sequence[SweepJob], folder: Path, unsent: str | None) -> None:
    """The jobs with their scores; of a failed one why, its last lines, and where its log is."""
    table = Table(title=f"sweep of {len(jobs)} jobs: macro scores in percent")
    table.add_column("job", justify="right")
    table.add_column("overrides", overflow="fold")
    for column in ("teacher", "gold only", "student", "kept", "state"):
        table.add_column(column, justify="right")
    words = words_apart(jobs)
    for job in jobs:
        result = job.result or {}
        macro = result.get("macro") or {}
        kept = result.get("retention")
        cells = [score_text(macro.get(name)) for name in ("teacher", "baseline", "student")]
        cells.append(f"{kept:.1%}" if kept else "")
        table.add_row(str(job.number), Text(words[job.number]), *cells, job.state)
    console.print(table)
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
