"""The command: compose, check, plan, do, close with the table. Imports nothing heavy."""

import errno
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from omegaconf import DictConfig

from kdlight.launch.environment import forget_ranks
from kdlight.launch.errors import AGAIN, mistake
from kdlight.launch.help import config_folder, explain, help_text, list_experiments
from kdlight.launch.prepare import prepare
from kdlight.launch.settled import settled, typed_keys
from kdlight.launch.stop import Stop
from kdlight.launch.sweep.job import IN_SWEEP
from kdlight.launch.sweep.register import register
from kdlight.launch.sweep.words import check_experiments, is_override, key_of
from kdlight.schema import RunConfig
from kdlight.types import UserError

log = logging.getLogger("kdlight")
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE)  # no other folder would help
PLACES = {  # of what is no run
    "job=report": "hydra.run.dir=${outputs}/reports/${now:%Y-%m-%d_%H-%M-%S-%f}",
    "job=dashboard": "hydra.run.dir=${outputs}/dashboards/${name}",
}
ConfigStore.instance().store(name="schema", node=RunConfig)


def run(config: DictConfig) -> None:
    """One job; a user's mistake ends it with one sentence."""
    from kdlight.launch.job import Job
    from kdlight.launch.table import closing, opening

    plain = settled(config)
    hydra_config = HydraConfig.get()
    swept = set(map(key_of, hydra_config.sweeper.get("params") or ())) - typed_keys(hydra_config)
    if swept and IN_SWEEP not in os.environ:
        raise UserError(f"This sweeps {', '.join(sorted(swept))}: add -m to the command.")
    plain["student_name"] = hydra_config.runtime.choices["student"]
    folder = Path(hydra_config.runtime.output_dir)
    if plain["job"] == "report":
        report(plain, folder)
        return
    if plain["job"] == "dashboard":
        from kdlight.launch.dashboard import dashboard

        dashboard(plain, folder)
        return
    opening(plain)
    found = Job(plain, folder).run()
    closing(found, plain, folder)


def report(plain: dict[str, Any], folder: Path) -> None:
    """A report on finished runs."""
    from kdlight.launch.table import reported
    from kdlight.report.write import write_report

    everything = f"{plain['outputs']}/runs/**"
    asked = plain["report"]
    found = write_report(asked["runs"] or everything, folder, asked["groups"], asked["disregard"])
    reported(found, folder)


def flags_first(words: list[str]) -> list[str]:
    """The words of a command as Hydra wants them, which refuses a flag between overrides."""
    overrides = list(filter(is_override, words))
    if not any(word.lstrip("+").startswith("experiment=") for word in overrides):
        overrides = ["+experiment=custom", *overrides]
    typed = any(key_of(word) == "hydra.run.dir" for word in overrides)
    overrides += [place for job, place in PLACES.items() if job in overrides and not typed]
    return [word for word in words if word not in overrides] + overrides


def main() -> int:
    """Entry point of `python -m kdlight.run`; the exit status."""
    with Stop() as stop:
        try:
            return _main(stop)
        except BaseException:
            if not stop.asked:
                raise
            log.error("Stopped; %s.", AGAIN)
            return 2


def _main(stop: Stop) -> int:
    prepare()
    forget_ranks()
    if len(sys.argv) == 1:
        print(list_experiments())
        return 0
    if {"--help", "-h"} & set(sys.argv):
        print(help_text(sys.argv[1:]))
        return 0
    sys.argv[1:] = flags_first(sys.argv[1:])
    started = []

    @hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")
    def job(config: DictConfig) -> None:
        started.append(True)
        _guarded(config, stop)

    register()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # its errors are to reach this place
    try:
        check_experiments(sys.argv[1:])
        job()
    except SystemExit as end:
        return int(end.code or 0)
    except UserError as error:  # of a sweep
        log.error("%s", error)
        return 2
    except Exception as error:
        if stop.asked or started:
            raise
        print(_refusal(error), file=sys.stderr)
        return 1
    return 0


def _guarded(config: DictConfig, stop: Stop) -> None:
    """The job; what its user can mend ends it with a sentence and status 2."""
    try:
        run(config)
    except Exception as error:
        if stop.asked and not isinstance(error, UserError):
            raise KeyboardInterrupt from error
        if (sentence := mistake(error, config.outputs)) is None:
            raise
        log.error("%s", sentence)
        sys.exit(2)


def _refusal(error: Exception) -> str:
    """What Hydra says of a configuration, or why the run's folder cannot be made."""
    if isinstance(error, OSError) and not isinstance(error, CompactHydraException):
        if error.errno in MACHINE and (sentence := mistake(error, "outputs")):
            return sentence
        return f"The folder for this run cannot be made ({error}): choose another, outputs=DIR."
    lines = [str(part) for part in (error, error.__cause__) if part]
    if found := re.search(r"is not a ListConfig.*full_key: (\S+)", "\n".join(lines), re.DOTALL):
        lines.append(f"A list stands in brackets: '{found[1]}=[ONE,TWO]'.")
    return "\n".join([*lines, explain(sys.argv[1:])]).strip()


if __name__ == "__main__":
    sys.exit(main())
