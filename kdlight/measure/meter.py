"""Progress of long work: rate and remaining time, live on a terminal or as log lines."""

import logging
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from kdlight.measure.channel import channel

log = logging.getLogger("kdlight")
LINE_EVERY_S, REDRAW_S, TELL_S = 15.0, 0.1, 1.0


class Meter:
    """Counts units of work; a bar on a terminal, else a line every 15 seconds.

    Use as a context manager; `advance(n)` after n units, `note` for a word at the end. `total` is
    None where nobody knows it.
    """

    def __init__(
        self, title: str, total: int | None, unit: str, done: int = 0, quiet: bool = False
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = self._first = done
        self._start = self._line = self._told = time.monotonic()
        self.note = ""
        self._bar: Progress | None = None
        self._quiet = quiet
        if sys.stderr.isatty() and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            extra = (
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self._bar = Progress(*columns, *extra, console=Console(stderr=True), transient=True)
            self._id = self._bar.add_task(title, total=total, completed=done, rate="", note="")

    def __enter__(self) -> "Meter":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar:
            self._bar.stop()

    @property
    def rate(self) -> float:
        """Units a second since the start of this meter."""
        return (self.done - self._first) / max(time.monotonic() - self._start, 1e-9)

    def skip(self, count: int) -> None:
        """Counts units that were done before; the rate is that of the others."""
        self.done += count
        self._first += count

    def advance(self, count: int) -> None:
        """Reports `count` more units done."""
        self.done += count
        now = time.monotonic()
        if now - self._told > TELL_S and not self._quiet:
            self._told = now
            if self.total:
                share, left = self.done / self.total, self._seconds_left(self.total)
                channel().tell(stage=self.title, share=share, left=left)
        if self._bar and (now - self._line > REDRAW_S or self.done == self.total):
            self._line = now
            text = f"{self.rate:,.0f} {self.unit}/s"
            self._bar.update(self._id, completed=self.done, rate=text, note=self.note)
        elif not self._bar and now - self._line > LINE_EVERY_S and not self._quiet:
            self._line = now
            of, ending = "", ""
            if self.total:
                of = f" of {self.total:,}"
                ending = f", about {duration(self._seconds_left(self.total))} left"
            ending += f", {self.note}" if self.note else ""
            done = f"{self.done:,}{of} {self.unit}"
            log.info("%s: %s, %s/s%s", self.title, done, f"{self.rate:,.0f}", ending)

    def _seconds_left(self, total: int) -> float:
        return (total - self.done) / max(self.rate, 1e-9)


def duration(seconds: float) -> str:
    """`'42 s'`, `'3 min 20 s'` or `'2 h 5 min'`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
