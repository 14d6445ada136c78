"""What a sweep shows while it runs."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from statistics import median

from rich.console import Console
from rich.live import Live

from kdlight.launch.sweep.frame import FIRST, Frame, frame, state_text
from kdlight.launch.sweep.job import SweepJob
from kdlight.measure.meter import duration

log = logging.getLogger("kdlight")
REDRAW_S = 0.5


class View:
    """A live table on a terminal; elsewhere a log line whenever a job or its stage changes.

    A terminal that is gone ends the table, not the sweep.

    Args:
        jobs: those known so far; a search adds to them.
        at_once: how many run at a time.
        total: how many there will be.
    """

    def __init__(self, jobs: Sequence[SweepJob], at_once: int, total: int) -> None:
        self.jobs, self.at_once, self.total = jobs, at_once, total
        self._earlier = {job.number for job in jobs if job.state == "done"}
        self._best: dict[int, float] = {}  # selection scores of the jobs' students
        self._final: set[int] = set()
        self._seen: dict[int, tuple[str, str]] = {}
        self._drawn = 0.0
        self._last: Frame | None = None
        self._live = None
        if sys.stderr.isatty():
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def __enter__(self) -> "View":
        if self._live:
            with self._while_it_lasts(self._live):
                self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._drawn = 0.0
        self.update()
        if self._live:
            with suppress(OSError):
                self._live.stop()

    def update(self) -> None:
        """Shows what has changed."""
        self._note_scores()
        self._log_changes()
        if self._live and time.monotonic() - self._drawn >= REDRAW_S:
            self._drawn = time.monotonic()
            with self._while_it_lasts(self._live):
                self._redraw(self._live)

    def _log_changes(self) -> None:
        """Beside a table they are for the log file alone."""
        level = logging.DEBUG if self._live else logging.INFO
        for job in self.jobs:
            now = (job.state, str(job.facts.get("stage", "")))
            if self._seen.get(job.number) != now and job.state != "waiting":
                ended = self._seen.get(job.number, ("", ""))[0] != job.state and job.seconds
                self._seen[job.number] = now
                stage = f", {now[1]}" if job.state == "running" and now[1] else ""
                told = f" after {duration(job.seconds)}; {self._closing()}" if ended else ""
                log.log(level, "job %d: %s%s%s", job.number, state_text(job), stage, told)

    @contextmanager
    def _while_it_lasts(self, live: Live) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._live = None
            with suppress(OSError):
                live.stop()

    def _redraw(self, live: Live) -> None:
        """Only what is new is drawn: a slow terminal shows the drawing of a table."""
        if (new := self.frame(*live.console.size)) != self._last:
            self._last = new
            live.update(new.table(), refresh=True)

    def frame(self, width: int, height: int) -> Frame:
        """What a terminal of this size shows."""
        return frame(f"sweep: {self._closing()}", self.jobs, self._best, width, height)

    def _note_scores(self) -> None:
        for job in self.jobs:
            if job.state == "done" and job.number not in self._final:
                self._final.add(job.number)
                score = ((job.result or {}).get("selection_macro") or {}).get("student")
            elif "(student" in str(job.facts.get("network")) and job.facts.get("students", 1) == 1:
                score = job.facts.get("best")  # one of several students is not yet the job's
            else:
                continue
            if score is not None:
                self._best[job.number] = score

    def left(self) -> float | None:
        """Seconds until all jobs have ended, by those that have; None before one has.

        What counts is the time at work, of the job in the middle: the first ones build what the
        others find, a teacher for instance, and those wait for it.
        """
        ended = [j for j in self.jobs if j.state == "done" and j.number not in self._earlier]
        if not ended:
            return None
        each = median(job.worked for job in ended)
        open_ = [max(0.0, each - job.worked) for job in self.jobs if job.state in FIRST[:2]]
        waiting = sum(j.state == "waiting" for j in self.jobs)
        waiting += max(0, self.total - len(self.jobs))
        work = sum(open_) + each * waiting
        return max(work / self.at_once, *open_, 0.0)

    def _closing(self) -> str:
        """How many jobs have ended how, what is left, and the best score so far."""
        counts = Counter(job.state for job in self.jobs)
        parts = [f"{counts['done']} of {max(self.total, len(self.jobs))} done"]
        parts += [f"{counts[state]} {state}" for state in FIRST[2:5] if counts[state]]
        if (left := self.left()) is not None and left > 0:
            parts.append(f"about {duration(left)} left")
        if self._best:
            number = max(self._best, key=lambda number: self._best[number])
            parts.append(f"best {self._best[number]:.1f} (job {number})")
        return ", ".join(parts)
