"""What a sweep shows while it runs, and at its end."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from kdlight.launch.sweep.job import LOG, SweepJob
from kdlight.measure.meter import duration

log = logging.getLogger("kdlight")
REDRAW_S = 0.5
STYLE = {"running": "bold", "failed": "red", "stopped": "red", "done": "green", "lent": "dim"}


class View:
    """A live table on a terminal; elsewhere a line whenever a job or its stage changes."""

    def __init__(self, jobs: Sequence[SweepJob]) -> None:
        self.jobs = jobs
        self._seen: dict[int, tuple[str, str]] = {}
        self._drawn = 0.0
        self._live = None
        if sys.stderr.isatty():
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def __enter__(self) -> "View":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.update()
        if self._live:
            self._live.stop()

    def update(self) -> None:
        """Shows what has changed."""
        if self._live:
            if time.monotonic() - self._drawn >= REDRAW_S:
                self._drawn = time.monotonic()
                self._live.update(_table(self.jobs), refresh=True)
            return
        for job in self.jobs:
            now = (job.state, str(job.facts.get("stage", "")))
            if self._seen.get(job.number) != now and job.state != "waiting":
                self._seen[job.number] = now
                stage = f", {now[1]}" if job.state == "running" and now[1] else ""
                log.info("job %d: %s%s", job.number, _state(job), stage)


def summary(jobs: Sequence[SweepJob], folder: Path) -> None:
    """The jobs with their scores; of a failed one its last lines, and where its log is."""
    console = Console() if sys.stdout.isatty() else Console(width=120)
    table = Table(title=f"sweep of {len(jobs)} jobs: macro scores in percent")
    table.add_column("job", justify="right")
    table.add_column("overrides")
    for column in ("teacher", "gold only", "student", "kept", "state"):
        table.add_column(column, justify="right")
    for job in jobs:
        result = job.result or {}
        macro = result.get("macro") or {}
        kept = result.get("retention")
        cells = [_score(macro.get(name)) for name in ("teacher", "baseline", "student")]
        cells.append(f"{kept:.1%}" if kept else "")
        table.add_row(str(job.number), " ".join(_told_apart(jobs, job)), *cells, job.state)
    console.print(table)
    for job in jobs:
        if job.state == "failed":
            place = os.path.relpath(job.folder / LOG)
            console.print(f"[red]job {job.number} failed[/red]; its log is {place} and ends:")
            for line in job.last_lines():
                console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Results: {os.path.relpath(folder)}/*/result.json", soft_wrap=True)


def _table(jobs: Sequence[SweepJob]) -> Table:
    table = Table(title="sweep")
    for column in ("job", "overrides", "state", "stage", "done", "left", "best"):
        table.add_column(column)
    for job in jobs:
        facts = job.facts
        share = f"{facts['share']:.0%}" if "share" in facts else ""
        left = duration(facts["left"]) if "left" in facts else ""
        best = _score(facts.get("best"))
        words = " ".join(_told_apart(jobs, job))
        stage = str(facts.get("stage", "")) if job.state in ("running", "lent") else ""
        row = (str(job.number), words, _state(job), stage, share, left, best)
        table.add_row(*row, style=STYLE.get(job.state))
    return table


def _told_apart(jobs: Sequence[SweepJob], job: SweepJob) -> list[str]:
    """The overrides in which the jobs differ."""
    common = set(jobs[0].overrides).intersection(*(other.overrides for other in jobs))
    return [word for word in job.overrides if word not in common or len(jobs) == 1]


def _state(job: SweepJob) -> str:
    return "waits for another's artifact" if job.state == "lent" else job.state


def _score(value: Any) -> str:
    return "" if value is None else f"{value:.1f}"
