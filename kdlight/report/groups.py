"""Which runs differ in nothing but their seed, and what such a group is called."""

import hashlib
import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdlight.report.collect import Run, macro
from kdlight.report.names import tasks_name
from kdlight.report.settings import flat, without_nulls

# What two runs may differ in and still be the same experiment.
APART = ("seed", "command", "outputs", "logger", "launcher", "job", "report", "experiment_about")
ALIKE = ("seed=", "hydra.", "outputs=", "logger=")  # overrides that tell no runs apart
PARTS = ("teacher", "data", "augmentation")  # that have a seed of their own


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed only, one a seed, in the order of the seeds.

    Args:
        title: of the group.
        runs: that stand in the report.
        special: what tells it from other groups.
        older: runs left out, since a newer one has the same seed.
    """

    title: str
    runs: tuple[Run, ...]
    special: str = ""
    older: tuple[Run, ...] = ()

    @property
    def arms(self) -> list[str]:
        """Networks that every run has."""
        return [arm for arm in self.runs[0].arms if all(arm in run.arms for run in self.runs)]

    @property
    def metrics(self) -> list[tuple[str, str]]:
        """(task, metric) in the order of the tasks."""
        return [(task, m) for task, found in self.runs[0].scores("student").items() for m in found]

    def values(self, arm: str, task: str, metric: str) -> list[float]:
        """A score a seed; nothing where the network has not learnt the task."""
        found = [run.scores(arm).get(task, {}).get(metric) for run in self.runs]
        return [value for value in found if value is not None]

    def macro(self, arm: str) -> list[float]:
        """The mean over tasks of the mean of a task's metrics, a value a seed."""
        return [macro(run.scores(arm)) for run in self.runs]

    def same_rows(self, task: str) -> bool:
        """Whether all runs were scored on the same rows."""
        return len({run.rows.get(task) for run in self.runs}) == 1

    @property
    def drawn_anew(self) -> list[str]:
        """Parts whose own seed moves with the run's."""
        seeds = [_own_seeds(run) for run in self.runs]
        return [part for part in PARTS if len({found[part] for found in seeds}) > 1]

    @property
    def teachers(self) -> int:
        """How many different teachers the runs have."""
        seen = {
            json.dumps(run.arms["teacher"]["scores"]) for run in self.runs if "teacher" in run.arms
        }
        return len(seen)


def groups(runs: Iterable[Run]) -> list[Group]:
    """Runs by what they have in common, by their folders: sweep by sweep, job by job.

    Of two with the same seed the later in `runs` counts.
    """
    alike = [_newest(part) for family in _by(runs, _identity).values() for part in _parts(family)]
    alike.sort(key=lambda parts: min(map(_place, parts[0])))
    titles = _titles([own[0] for own, _ in alike])
    return [
        Group(title, tuple(own), special, tuple(older))
        for (own, older), (title, special) in zip(alike, titles, strict=True)
    ]


def _newest(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The last run of each seed, by the seeds, and those before."""
    last = {run.seed: run for run in runs}
    return sorted(last.values(), key=lambda run: run.seed), [
        run for run in runs if run is not last[run.seed]
    ]


def _place(run: Run) -> list[tuple[bool, int, str]]:
    """Sorts folders by name, numbers such as those of a sweep's jobs by their value."""
    parts = run.folder.absolute().parts
    return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]


def _by(runs: Iterable[Run], key: Callable[[Run], str]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return found


def _identity(run: Run) -> str:
    """The same for runs that differ in nothing but seeds."""
    kept = _compared(run)
    kept |= {
        part: {key: value for key, value in kept[part].items() if key != "seed"}
        for part in PARTS
        if isinstance(kept.get(part), Mapping)
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


def _compared(run: Run) -> dict[str, Any]:
    """The settings in which runs of one group are alike, but for their parts' seeds."""
    kept = {key: value for key, value in run.config.items() if key not in APART}
    found: dict[str, Any] = without_nulls(kept)
    return found


def _own_seeds(run: Run) -> dict[str, Any]:
    """The seed of each part that has one of its own."""
    return {part: (run.config.get(part) or {}).get("seed") for part in PARTS}


def _parts(family: Sequence[Run]) -> list[list[Run]]:
    """Runs with the same seeds of their parts and the same rows; and those whose move with theirs.

    `teacher.seed=${seed}` is of the second kind: a teacher a seed. Rows of which a run has not kept
    its predictions tell none apart.
    """
    kept = [task for task in family[0].rows if all(task in run.predictions for run in family)]

    def told(run: Run) -> dict[str, str]:
        return {task: run.rows[task] for task in kept}

    fixed = _by(family, lambda run: json.dumps([_own_seeds(run), told(run)], sort_keys=True))
    found = [runs for runs in fixed.values() if len({run.seed for run in runs}) > 1]
    single = [run for runs in fixed.values() if runs not in found for run in runs]
    moving: list[list[Run]] = []
    for run in sorted(single, key=lambda run: sum(_moves(run).values())):
        for others in moving:
            if _moves_with(run, others[0], told):
                others.append(run)
                break
        else:
            moving.append([run])
    return found + [sorted(runs, key=family.index) for runs in moving]


def _moves(run: Run) -> dict[str, bool]:
    """Whether a part's seed is the run's own; by chance as well, as that of seed 0."""
    return {part: seed == run.seed for part, seed in _own_seeds(run).items()}


def _moves_with(run: Run, other: Run, told: Callable[[Run], Mapping[str, str]]) -> bool:
    """Whether the seeds that are not the other run's own are the same here, and the rows."""
    moves, own, theirs = _moves(other), _own_seeds(run), _own_seeds(other)
    return all(
        own[part] == run.seed if moves[part] else own[part] == theirs[part] for part in PARTS
    ) and (moves["data"] or told(run) == told(other))


def _titles(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """A title for each group's first run, and what in it tells the group from the others."""
    common = set.intersection(*map(_words, runs))
    found = []
    for run in runs:
        special = " ".join(sorted(_words(run) - common)) if len(runs) > 1 else ""
        found.append((_title(run) + (f" ({special})" if special else ""), special))
    titles = [title for title, _ in found]
    for title in {title for title in titles if titles.count(title) > 1}:
        same = [place for place, other in enumerate(titles) if other == title]
        for place, told in zip(same, _apart([runs[place] for place in same]), strict=True):
            found[place] = (f"{title} ({told})", f"{found[place][1]} {told}".strip())
    return found


def _apart(runs: Sequence[Run]) -> list[str]:
    """What tells runs apart that were started with the same words: up to three keys."""
    found = [dict(flat(_compared(run))) for run in runs]
    keys = [key for key in sorted(set().union(*found)) if len({f.get(key) for f in found}) > 1]
    return [
        ", ".join([f"{key}={own.get(key)}" for key in keys[:3]] or [f"other rows, {number}"])
        for number, own in enumerate(found, 1)
    ]


def _title(run: Run) -> str:
    """Experiment, student, scale and tasks."""
    result = run.result
    name = f"{result['experiment']}, {result['student']['name']}, {result['scale']}"
    return f"{name}, {tasks_name(run.scores('student'))}"


def _words(run: Run) -> set[str]:
    words = [word for word in shlex.split(run.result["command"])[3:] if "=" in word]
    return {word for word in words if not word.lstrip("+").startswith(ALIKE)}
