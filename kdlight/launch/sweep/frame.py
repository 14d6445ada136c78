"""A sweep's jobs as a live table: a line a job, no larger than the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from kdlight.launch.sweep.job import SweepJob
from kdlight.measure.meter import duration

HEAD, GAP = 2, 2  # lines above the jobs, but for the title; characters between columns
STAGE, LONGEST = 18, 40  # characters that a stage gets at least, and at most
WIDTHS = {"job": 4, "overrides": 0, "stage": 0, "done": 4, "left": 11, "best": 5}
# Characters of a terminal that has room for a column; narrower ones do without.
FROM = {"best": 50, "left": 70}
STYLE = {"running": "bold", "failed": "red", "stopped": "red", "done": "green", "lent": "dim",
         "waiting": "dim"}  # fmt: skip
# The order in which jobs are kept where a terminal has too few lines for all.
FIRST = ("running", "lent", "failed", "pruned", "stopped", "done", "waiting")


@dataclass(frozen=True)
class Frame:
    """What the table says, cell by cell, and the width of each column."""

    title: list[str]
    widths: dict[str, int]
    rows: list[list[str]]
    states: list[str]

    def table(self) -> Table:
        """To be drawn; nothing in it is wrapped."""
        made = Table(title="\n".join(self.title), title_justify="left", box=SIMPLE_HEAD,
                     show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))  # fmt: skip
        for name, width in self.widths.items():
            side: Any = "left" if name in ("overrides", "stage") else "right"
            made.add_column(name, width=width, justify=side, no_wrap=True, overflow="ellipsis")
        for row, state in zip(self.rows, self.states, strict=True):
            made.add_row(*map(Text, row), style=STYLE.get(state))
        return made


def frame(
    title: str, jobs: Sequence[SweepJob], best: Mapping[int, float], width: int, height: int
) -> Frame:
    """The jobs that there are lines for, in their order: those at work, then the newest ended.

    Columns keep their width while numbers come and go. Where there is little room the stage is
    shortened first, then the overrides, both in their middle.

    Args:
        title: stands above.
        jobs: of the sweep.
        best: selection scores by a job's number.
        width: of the terminal, in characters.
        height: of it, in lines.
    """
    lines = wrap(title, width)
    kept = _kept(jobs, max(1, height - HEAD - len(lines)))
    words = words_apart(jobs)
    texts = {"overrides": words, "stage": {job.number: _stage(job) for job in kept}}
    widths = _widths(width, max(map(len, words.values()), default=0))
    rows = []
    for job in kept:
        cells = {"job": str(job.number), "best": score_text(best.get(job.number)), **_far(job)}
        cells |= {name: _cut(texts[name][job.number], widths[name]) for name in texts}
        rows.append([cells.get(name, "") for name in widths])
    return Frame(lines, widths, rows, [job.state for job in kept])


def _widths(width: int, words: int) -> dict[str, int]:
    """Of the columns that there is room for; `words` is the length of the longest overrides."""
    found = {name: size for name, size in WIDTHS.items() if width >= FROM.get(name, 0)}
    room = max(2, width - sum(found.values()) - GAP * (len(found) - 1))
    stage = min(LONGEST, max(min(STAGE, room // 2), room - words))
    return found | {"overrides": room - stage, "stage": stage}


def _cut(text: str, width: int) -> str:
    """As much of both ends as there is room for: names differ in either."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def _kept(jobs: Sequence[SweepJob], room: int) -> list[SweepJob]:
    if len(jobs) <= room:
        return list(jobs)

    def worth(job: SweepJob) -> tuple[int, int]:
        waits = job.state == "waiting"
        return FIRST.index(job.state), job.number if waits else -job.number

    return sorted(sorted(jobs, key=worth)[:room], key=lambda job: job.number)


def _stage(job: SweepJob) -> str:
    if job.state == "running":
        return str(job.facts.get("stage") or job.facts.get("line", "starts"))
    took = job.state != "lent" and job.seconds
    return state_text(job) + (f" in {duration(job.seconds)}" if took else "")


def _far(job: SweepJob) -> dict[str, str]:
    """How far a running job's stage is."""
    facts = job.facts if job.state == "running" else {}
    if not facts.get("share"):
        return {}
    left = {"left": duration(facts["left"])} if "left" in facts else {}
    return {"done": f"{facts['share']:.0%}", **left}


def words_apart(jobs: Iterable[SweepJob]) -> dict[int, str]:
    """By a job's number the overrides in which the jobs differ; of a single job all."""
    all_words = {job.number: job.overrides for job in jobs}
    common = set.intersection(*map(set, all_words.values())) if len(all_words) > 1 else set()
    return {
        number: " ".join(word for word in words if word not in common)
        for number, words in all_words.items()
    }


def state_text(job: SweepJob) -> str:
    """How a job's state is called."""
    return "waits for another" if job.state == "lent" else job.state


def score_text(value: Any) -> str:
    """A score, or nothing."""
    return "" if value is None else f"{value:.1f}"
