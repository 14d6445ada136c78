"""A search from its settings to its best trials: `hydra.sweeper.trials=20`."""

import json
import logging
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from hydra.core.override_parser.types import Override
from hydra.utils import instantiate
from rich.console import Console

from kdlight.artifacts.place import remove, write_whole
from kdlight.launch.errors import AGAIN
from kdlight.launch.sweep.closing import closing
from kdlight.launch.sweep.folder import identity, sweep_folder
from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.search import Search, read_objectives
from kdlight.launch.sweep.space import first_trial, space
from kdlight.launch.sweep.study import best, open_study
from kdlight.launch.sweep.words import flags, own
from kdlight.types import UserError

if TYPE_CHECKING:
    from kdlight.launch.job import Job

log = logging.getLogger("kdlight")
FOUND, DATABASE = "search.json", "search.db"


@dataclass(frozen=True)
class Settings:
    """How Optuna looks for the values that serve the objectives best.

    Args:
        trials: how many, interrupted and pruned ones included.
        objectives: `maximize KEY` or `minimize KEY` of `result.json`; of several, the trials that
            none beats in all are found.
        sampler: of Optuna, what to try next.
        pruner: of Optuna, which trials to stop early by their validation scores; of one objective.
            None for none.
        storage: a database's URL or a journal file `*.log`, which several commands may share; null
            for a database in the sweep's folder.
        study: its name there; null for the experiment's.
    """

    trials: int
    objectives: Sequence[str]
    sampler: Any
    pruner: Any
    storage: str | None
    study: str | None


def search(
    settings: Settings, launcher: SweepLauncher, overrides: Sequence[Override]
) -> list[dict[str, Any]]:
    """Runs the trials, says which were best, and writes them to `search.json`.

    Raises:
        UserError: for a mistake in the search or in all its first trials, or without Optuna.
    """
    _check_optuna()
    if not isinstance(settings.trials, int) or settings.trials < 1:
        raise UserError(
            f"hydra.sweeper.trials={settings.trials} must be a whole number of 1 or more."
        )
    objectives = read_objectives(settings.objectives)
    distributions = space(overrides)
    _check_seeds(distributions)
    common = own([str(o.input_line) for o in overrides if not o.is_sweep_override()])
    first = first_trial(lambda words: launcher.planned([*common, *words], 0), distributions)
    drawn = sorted(map(repr, distributions.items()))
    if first.job.config["selection"] == "dev":
        raise UserError(
            "A search with selection=dev would choose by the rows that are reported: "
            "selection=train_split (the default) holds others back."
        )
    place = (settings.storage, settings.study)
    name = identity([first.about, drawn, objectives, place])
    with sweep_folder(launcher.config, name, settings.storage is not None) as folder:
        study = open_study(
            settings.storage or f"sqlite:///{folder / DATABASE}",
            settings.study or str(first.job.config["name"]),
            objectives,
            instantiate(settings.sampler),
            instantiate(settings.pruner),
            identity([_anywhere(first.job), drawn]),
        )
        keys, students = list(objectives), _Students(launcher)
        trials = Search(
            study, distributions, keys, common, folder, settings.trials, students.title,
            students.forget,
        )  # fmt: skip
        ended = sum(trial.state.is_finished() for trial in study.trials)
        earlier = f", {ended} of them ended before" if ended else ""
        here = os.path.relpath(folder)
        log.info("A search of %d trials%s, in %s", settings.trials, earlier, here)
        with closing(trials.jobs, folder, first.job.config["outputs"]):
            launcher.do(trials, trials.jobs, settings.trials - ended)
        found = best(study, keys)
        write_whole(folder / FOUND, json.dumps({"study": study.study_name, "best": found}))
        _show(found, folder, [*flags(launcher.config.hydra), *common])
        if not found:
            raise UserError("No trial of this search has ended well; the same command tries again.")
        if failed := sum(job.state == "failed" for job in trials.jobs):
            raise UserError(f"{failed} of {len(trials.jobs)} trials failed; {AGAIN}.")
    return found


def _anywhere(job: "Job") -> list[str]:
    """What the job comes to; the same on machines that differ in folders and in precisions."""
    alike = type(job)(_settled(job.config), job.folder)
    return [node.fingerprint for node in alike.plan_all()]


def _settled(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with one precision wherever each machine may choose its own."""
    found = {}
    for key, value in config.items():
        chosen = key.endswith("precision") and value == "auto"
        inside = isinstance(value, Mapping)
        found[key] = "32-true" if chosen else _settled(value) if inside else value
    return found


@dataclass(frozen=True)
class _Students:
    """What trials train."""

    launcher: SweepLauncher

    def title(self, overrides: list[str], number: int) -> str | None:
        """The title of a trial's student, if it is one network."""
        titles = [node.title for node in self._job(overrides, number).main.students().values()]
        return titles[0] if len(titles) == 1 else None

    def forget(self, overrides: list[str], number: int) -> None:
        """Removes what a trial's students would go on from, unless another builds them."""
        with suppress(UserError):  # whose data are gone meanwhile
            job = self._job(overrides, number)
            for place in map(job.executor.place, job.main.students().values()):
                with suppress(Timeout, OSError), FileLock(place.lock, timeout=0):
                    remove(place.building)

    def _job(self, overrides: list[str], number: int) -> "Job":
        return self.launcher.planned(overrides, number).job


def _check_seeds(searched: Iterable[str]) -> None:
    """Refuses a search among seeds: the best of several networks is no better setting."""
    for key in searched:
        if key.lstrip("+").rpartition(".")[2] == "seed":
            raise UserError(
                f"{key} is among what is searched, which would choose the luckiest: give it one "
                f"value, and then type the best trial with several, {key}=1,2,3."
            )


def _check_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise UserError("A search needs Optuna: pip install 'kdlight[search]'.") from error


def _show(found: list[dict[str, Any]], folder: Path, words: list[str]) -> None:
    console = Console()
    for each in found:
        values = ", ".join(f"{key} {value:,.6g}" for key, value in each["values"].items())
        command = shlex.join([*words, *each["overrides"]])
        console.print(f"Best: trial {each['trial']}, {values}", soft_wrap=True, highlight=False)
        console.print(f"  python -m kdlight.run {command}", soft_wrap=True, markup=False)
    console.print(f"Search: {os.path.relpath(folder)}/{FOUND}", soft_wrap=True)
