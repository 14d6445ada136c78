"""Hydra's launcher for multirun: every job a process, all checked before the first starts."""

import copy
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, read_write

from kdlight.launch.errors import AGAIN, mistake
from kdlight.launch.settled import settled
from kdlight.launch.sweep.closing import closing
from kdlight.launch.sweep.folder import identity, sweep_folder
from kdlight.launch.sweep.job import SweepJob
from kdlight.launch.sweep.reader import read_once
from kdlight.launch.sweep.schedule import Listed, Schedule, Source
from kdlight.launch.sweep.shares import check_devices, shares, warn_of_one_gpu
from kdlight.launch.sweep.view import View
from kdlight.launch.sweep.words import check_swept, flags, own
from kdlight.types import UserError

if TYPE_CHECKING:
    from kdlight.launch.job import Job

log = logging.getLogger("kdlight")
MOST = 10  # mistakes of jobs that are told


@dataclass(frozen=True)
class Planned:
    """A job to be, and the fingerprints of what it comes to."""

    job: "Job"
    contents: list[str]

    @property
    def about(self) -> list[Any]:
        """What makes a job the same job, started again: its settings, and data and weights."""
        kept = {k: v for k, v in self.job.config.items() if k not in ("command", "launcher")}
        return [kept, self.contents]


class JobError(UserError):
    """A job that cannot be: its number, its overrides, and `why`."""

    def __init__(self, number: int, overrides: Sequence[str], why: str) -> None:
        super().__init__(f"Job {number} ({' '.join(own(overrides))}): {why}")
        self.why = why


class SweepLauncher(Launcher):
    """`hydra/launcher=kdlight`, the default."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra before the launch."""
        del task_function  # jobs are commands
        self.config, self.loader = config, cast(Any, hydra_context.config_loader)
        self._read: dict[tuple[str, ...], DictConfig] = {}
        read_once(self.loader)
        setup_globals()
        HydraConfig.instance().set_config(config)  # what `${hydra:...}` means outside jobs
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        _log_to_terminal()

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Runs the jobs and says how they ended.

        Raises:
            UserError: before the first job starts, what is wrong with any; at the end, how many
                jobs failed.
        """
        wanted = [list(overrides) for overrides in job_overrides]
        planned = self._all_planned(wanted)
        with sweep_folder(self.config, identity([each.about for each in planned])) as folder:
            jobs = [
                SweepJob(initial_job_idx + number, own(words), folder / str(number))
                for number, words in enumerate(wanted)
            ]
            for job in jobs:
                job.state = "done" if job.result else "waiting"
            open_jobs = [job for job in jobs if job.state == "waiting"]
            _announce(jobs, open_jobs, folder)
            with closing(jobs, folder, planned[0].job.config["outputs"]):
                self.do(Listed(open_jobs), jobs, len(jobs))
            if failed := sum(job.state != "done" for job in jobs):
                raise UserError(f"{failed} of {len(jobs)} jobs failed; {AGAIN}.")
        return [_returned(job, words) for job, words in zip(jobs, wanted, strict=True)]

    def do(self, source: Source, jobs: Sequence[SweepJob], total: int) -> None:
        """Does the jobs of a source, `total` of them in the end, and shows them."""
        parts = shares(self.config.launcher)
        warn_of_one_gpu(self.config)
        with View(jobs, len(parts), total) as view:
            Schedule(source, parts, flags(self.config.hydra), view.update).run()

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuses a job that does not fit the part of the machine it would get.

        Raises:
            UserError: with the remedy.
        """
        each = config["launcher"]["gpus_per_job"]
        check_devices(config["trainer"], each, "launcher.gpus_per_job")
        shares(config["launcher"])

    def planned(self, overrides: list[str], number: int) -> "Planned":
        """A job's configuration and its plan, checked as the job itself would check it.

        Raises:
            JobError: why it cannot be.
        """
        from kdlight.launch.job import Job

        try:
            config = self._loaded(overrides)
            with read_write(config.hydra):
                config.hydra.job.num = number
            HydraConfig.instance().set_config(config)
            check_swept(overrides, config)
            plain = settled(config)
            self.check(plain)
            if plain["job"] in ("report", "dashboard"):
                raise UserError(f"job={plain['job']} is one job: leave -m out.")
            job = Job(plain, Path())
            contents = [node.fingerprint for node in job.plan_all()]
        except Exception as error:
            why = mistake(error, self.config.outputs) or str(error)
            raise JobError(number, overrides, why) from error
        return Planned(job, contents)

    def _all_planned(self, wanted: Sequence[list[str]]) -> list[Planned]:
        """The plans of all jobs.

        Raises:
            UserError: a line for each mistake, with the first job that has it.
        """
        found: list[Planned] = []
        wrong: dict[str, list[JobError]] = {}
        for number, words in enumerate(wanted):
            try:
                found.append(self.planned(words, number))
            except JobError as error:
                wrong.setdefault(error.why, []).append(error)
        if wrong:
            lines = [str(one) + _more(len(same)) for one, *same in wrong.values()]
            told = lines[:MOST] + [f"and {len(lines) - MOST} more"] * (len(lines) > MOST)
            raise UserError("\n".join(told))
        return found

    def _loaded(self, overrides: list[str]) -> DictConfig:
        """As Hydra would load it; jobs that choose the same files share their reading.

        To compose a configuration takes Hydra a third of a second; to set values in it, little.
        """
        parser = OverridesParser.create(config_loader=self.loader)
        parsed = [parser.parse_override(word) for word in overrides]
        groups = [o for o in parsed if self.loader.repository.group_exists(o.key_or_group)]
        key = tuple(str(override.input_line) for override in groups)
        if key not in self._read:
            self._read[key] = self.loader.load_sweep_config(self.config, list(key))
        values = [override for override in parsed if override not in groups]
        if not values:
            return self._read[key]
        config = copy.deepcopy(self._read[key])
        self.loader._apply_overrides_to_config(values, config)
        with read_write(config.hydra):
            config.hydra.overrides.task = overrides  # which beat a scale
        return config


def _more(jobs: int) -> str:
    return f" (and {jobs} more {'jobs' if jobs > 1 else 'job'})" if jobs else ""


def _log_to_terminal() -> None:
    """As a job's own progress looks; what a table shows is left to the sweep's log file."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("[%(asctime)s] %(message)s", "%H:%M:%S"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.DEBUG)


def _announce(jobs: list[SweepJob], open_jobs: list[SweepJob], folder: Path) -> None:
    done = len(jobs) - len(open_jobs)
    earlier = f", {done} of them finished before" if done else ""
    log.info("A sweep of %d jobs%s, in %s", len(jobs), earlier, os.path.relpath(folder))


def _returned(job: SweepJob, overrides: list[str]) -> JobReturn:
    result = job.result or {}
    value = (result.get("macro") or {}).get("student")
    return JobReturn(overrides=overrides, status=JobStatus.COMPLETED, _return_value=value)
