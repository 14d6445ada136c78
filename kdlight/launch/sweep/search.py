"""Optuna's search as a source of jobs: asked centrally, told by the jobs' results."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdlight.launch.sweep.job import LOG, SweepJob, at_work
from kdlight.launch.sweep.space import chosen
from kdlight.types import UserError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

# Scores of the rows that are reported: what is chosen by them is no longer fairly reported.
REPORTED = ("macro", "retention", "teacher.scores", "student.scores", "student.agreement",
            "baseline", "variants")  # fmt: skip
NOTES = "overrides"
SELECTION = "selection_macro.student"


class Search:
    """Trials until `limit` of them have ended, those of an interrupted command first.

    Args:
        study: where trials are kept; several commands may share it.
        distributions: by key of the configuration.
        objectives: keys of `result.json`, in the order of the study's directions.
        common: overrides of every trial.
        folder: of the sweep; a trial's job lies in the folder of its number.
        limit: trials.
        title: from a trial's overrides to the title of the network whose validation scores are
            reported for pruning, None for no pruning; raises if the trial cannot be.
    """

    def __init__(
        self,
        study: "Study",
        distributions: Mapping[str, "BaseDistribution"],
        objectives: Sequence[str],
        common: Sequence[str],
        folder: Path,
        limit: int,
        title: Callable[[list[str], int], str | None],
    ) -> None:
        self.study, self.distributions, self.objectives = study, distributions, list(objectives)
        self.common, self.folder, self.limit, self._title = common, folder, limit, title
        self.jobs: list[SweepJob] = []  # as they are asked for
        self._trials: dict[int, Trial] = {}
        self._titles: dict[int, str | None] = {}
        # What a job tells while it learns is this objective, and no other.
        self._prunes = self.objectives == [SELECTION] and study.direction.name == "MAXIMIZE"
        self._interrupted = self._left()
        self._resumed = {trial.number for trial in self._interrupted}

    def next(self) -> SweepJob | None:
        """An interrupted trial, else a new one, until there are enough."""
        while (trial := self._ask()) is not None:
            job = self._job(trial)
            if job.result and trial.number in self._resumed:
                # It was stopped between its end and its being told.
                job.state, self._titles[job.number] = "done", None
                self.ended(job)
                continue
            try:
                self._titles[job.number] = self._title(job.overrides, job.number)
            except UserError as error:
                self._refused(job, str(error))
                if self._only_refused():
                    raise
                continue
            return job
        return None

    def heard(self, job: SweepJob, facts: dict[str, Any]) -> bool:
        """Reports validation scores of the trial's student; whether to prune it."""
        title = self._titles[job.number]
        if title is None or facts.get("network") != title or not self._prunes:
            return False
        trial = self._trials[job.number]
        trial.report(facts["score"], facts["step"])
        return trial.should_prune()

    def ended(self, job: SweepJob) -> None:
        """Tells the study what came of a trial."""
        from optuna.trial import TrialState

        trial = self._trials[job.number]
        if job.state == "done":
            try:
                self.study.tell(trial, self._values(job))
                return
            except UserError as error:
                self._refused(job, str(error))
                raise
        state = TrialState.PRUNED if job.state == "pruned" else TrialState.FAIL
        self.study.tell(trial, state=state)

    def rest(self) -> Iterable[SweepJob]:
        """None: trials that were not asked for are nothing yet."""
        return []

    def _ask(self) -> "Trial | None":
        if self._interrupted:
            return self._interrupted.pop(0)
        if sum(t.state.name != "FAIL" for t in self.study.trials) + self._failed() >= self.limit:
            return None
        trial = self.study.ask(dict(self.distributions))
        trial.set_user_attr(NOTES, chosen(trial.params))
        trial.set_user_attr("folder", str(self.folder))
        return trial

    def _job(self, trial: "Trial") -> SweepJob:
        words = [*self.common, *trial.user_attrs[NOTES]]
        job = SweepJob(trial.number, words, self.folder / str(trial.number))
        self.jobs.append(job)
        self._trials[trial.number] = trial
        return job

    def _left(self) -> "list[Trial]":
        """Trials of this folder that were running when a command ended.

        Those of another folder at which no command is at work any more have failed.
        """
        from optuna.trial import Trial, TrialState

        ours = []
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            folder = trial.user_attrs.get("folder")
            if folder == str(self.folder):
                ours.append(Trial(self.study, trial._trial_id))
            elif folder and not at_work(Path(folder)):
                self.study.tell(trial.number, state=TrialState.FAIL)
        return ours

    def _failed(self) -> int:
        """Failed trials of this command: they are not tried again for ever."""
        return sum(job.state == "failed" for job in self.jobs)

    def _only_refused(self) -> bool:
        return all(job.state == "failed" for job in self.jobs) and len(self.jobs) >= 3

    def _refused(self, job: SweepJob, why: str) -> None:
        from optuna.trial import TrialState

        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / LOG).write_text(f"{why}\n")
        job.state = "failed"
        self.study.tell(self._trials[job.number], state=TrialState.FAIL)

    def _values(self, job: SweepJob) -> list[float]:
        return [value_of(job.result or {}, key) for key in self.objectives]


def read_objectives(lines: Iterable[str]) -> dict[str, str]:
    """`minimize` or `maximize`, by key of `result.json`, from `maximize KEY` and `minimize KEY`.

    Raises:
        UserError: for another word, or a score of the rows that are reported.
    """
    found = {}
    for line in lines:
        direction, _, key = line.strip().partition(" ")
        if direction not in ("minimize", "maximize") or not key:
            raise UserError(
                f"hydra.sweeper.objectives: {line!r} is not 'maximize KEY' or 'minimize KEY'."
            )
        if key.startswith(REPORTED):
            raise UserError(
                f"hydra.sweeper.objectives: {key} is of the rows that are reported, which must "
                "choose nothing; selection_macro.student is the same of the selection rows."
            )
        found[key.strip()] = direction
    if not found:
        raise UserError("hydra.sweeper.objectives=[] leaves nothing to search for.")
    return found


def value_of(result: Mapping[str, Any], key: str) -> float:
    """A number of a result by its dotted key.

    Raises:
        UserError: if it has none there.
    """
    found: Any = result
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UserError(f"hydra.sweeper.objectives: a result has no number called {key}.")
    return float(found)


def best(study: "Study", objectives: Sequence[str]) -> list[dict[str, Any]]:
    """The best trial; with several objectives all that none beats in every one."""
    trials: list[FrozenTrial] = sorted(study.best_trials, key=lambda trial: trial.values[0])
    return [
        {
            "trial": trial.number,
            "overrides": trial.user_attrs[NOTES],
            "values": dict(zip(objectives, trial.values, strict=True)),
        }
        for trial in (trials if len(objectives) > 1 else trials[:1])
    ]


def open_study(
    storage: str, name: str, objectives: Mapping[str, str], sampler: Any, pruner: Any
) -> "Study":
    """A study, new or as it was left.

    Args:
        storage: a database's URL, or a path that ends in `.log` for a journal file.
        name: of the study there.
        objectives: directions by key.
        sampler: says what to try next.
        pruner: says what to stop early.

    Raises:
        UserError: if the storage cannot be used, or holds a study with other objectives.
    """
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions: list[Any] = list(objectives.values())
    try:
        place = (
            JournalStorage(JournalFileBackend(storage))
            if storage.endswith(".log")
            else RDBStorage(storage)
        )
        study = optuna.create_study(
            storage=place, study_name=name, directions=directions, sampler=sampler, pruner=pruner,
            load_if_exists=True,
        )  # fmt: skip
    except Exception as error:  # of many database drivers
        raise UserError(f"hydra.sweeper.storage={storage}: {str(error).splitlines()[0]}") from error
    known = study.user_attrs.get("objectives")
    if known not in (None, dict(objectives)):
        raise UserError(
            f"The study {name} in {storage} has the objectives {known}: give this search another "
            "name, hydra.sweeper.study=NAME."
        )
    study.set_user_attr("objectives", dict(objectives))
    return study
