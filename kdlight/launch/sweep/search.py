"""Optuna's search as a source of jobs: asked centrally, told by the jobs' results."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

from kdlight.launch.sweep.job import LOG, SweepJob, at_work
from kdlight.launch.sweep.space import chosen
from kdlight.launch.sweep.study import NOTES
from kdlight.types import UserError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

log = logging.getLogger("kdlight")
# Scores of the rows that are reported: what is chosen by them is no longer fairly reported.
REPORTED = ("macro", "retention", "teacher.scores", "student.scores", "student.agreement",
            "baseline", "variants")  # fmt: skip
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
        forget: removes what a pruned trial, of such overrides, has left to go on from.
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
        forget: Callable[[list[str], int], None] = lambda *_: None,
    ) -> None:
        self.study, self.distributions, self.objectives = study, distributions, list(objectives)
        self.common, self.folder, self.limit = common, folder, limit
        self._title, self._forget = title, forget
        self.jobs: list[SweepJob] = []  # as they are asked for
        self._trials: dict[int, Trial] = {}
        self._titles: dict[int, str | None] = {}
        # What a job tells while it learns is this objective, and no other.
        self._asked = 0
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
        try:
            trial.report(facts["score"], facts["step"])
        except RuntimeError:  # another command has given it up, and is told so at its end
            return False
        return trial.should_prune()

    def ended(self, job: SweepJob) -> None:
        """Tells the study what came of a trial."""
        if job.state == "done":
            try:
                values = self._values(job)
            except UserError as error:
                self._refused(job, str(error))
                raise
            if any(map(isnan, values)):
                told = dict(zip(self.objectives, values, strict=True))
                self._refused(job, f"an objective is no number: {told}")
            else:
                self._tell(job, values)
            return
        if job.state == "pruned":
            self._forget(job.overrides, job.number)
        self._tell(job)

    def rest(self) -> Iterable[SweepJob]:
        """None: trials that were not asked for are nothing yet."""
        return []

    def _ask(self) -> "Trial | None":
        if self._interrupted:
            return self._interrupted.pop(0)
        if sum(t.state.name != "FAIL" for t in self.study.trials) + self._failed() >= self.limit:
            return None
        if len(self.study.trials) > self._asked:  # others have drawn, from the same seed
            self.study.sampler.reseed_rng()
        self._asked += 1
        trial = self.study.ask(dict(self.distributions))
        trial.set_user_attr(NOTES, chosen(trial.params))
        trial.set_user_attr("folder", str(self.folder))
        trial.set_user_attr("host", gethostname())
        self._place(trial).mkdir(parents=True, exist_ok=True)
        return trial

    def _place(self, trial: "Trial") -> Path:
        return self.folder / str(trial.number)

    def _job(self, trial: "Trial") -> SweepJob:
        words = [*self.common, *trial.user_attrs[NOTES]]
        job = SweepJob(trial.number, words, self._place(trial))
        self.jobs.append(job)
        self._trials[trial.number] = trial
        return job

    def _left(self) -> "list[Trial]":
        """Trials of this folder that were running when a command ended.

        Those of another folder at which no command is at work any more have failed. What runs on
        a disk that only another machine sees is left to that.
        """
        from optuna.trial import Trial, TrialState

        ours = []
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            if not (noted := trial.user_attrs.get("folder")):
                continue  # it is just being asked for
            folder, here = Path(noted), trial.user_attrs.get("host") == gethostname()
            if not here and not (folder / str(trial.number)).exists():
                continue
            if folder == self.folder:
                ours.append(Trial(self.study, trial._trial_id))
            elif not at_work(folder):
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
        return ours

    def _tell(self, job: SweepJob, values: list[float] | None = None) -> None:
        """What came of a trial, unless another command has given it up meanwhile."""
        from optuna.trial import TrialState

        ends = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        state = ends.get(job.state, TrialState.FAIL)
        trial = self._trials[job.number]
        told = self.study.tell(trial, values, state=state, skip_if_finished=True).state
        if told != state:
            log.warning(
                "Trial %d counts as %s: another command gave it up.", job.number, told.name.lower()
            )

    def _failed(self) -> int:
        """Failed trials of this command: they are not tried again for ever."""
        return sum(job.state == "failed" for job in self.jobs)

    def _only_refused(self) -> bool:
        return all(job.state == "failed" for job in self.jobs) and len(self.jobs) >= 3

    def _refused(self, job: SweepJob, why: str) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        with (job.folder / LOG).open("a") as file:
            file.write(f"{why}\n")
        log.warning("Trial %d is left out: %s", job.number, why)
        job.state = "failed"
        self._tell(job)

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
