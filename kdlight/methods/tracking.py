"""The W&B run of a stage or a job; trouble with W&B never stops work."""

import logging
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kdlight.types import first_line

log = logging.getLogger("kdlight")
START_S, END_S = 30.0, 30.0  # how long the service is waited for
_lost = False  # the service did not answer: what follows in this process is written offline


def start_run(arguments: Mapping[str, Any]) -> Any | None:
    """A W&B run, offline if the service cannot be reached, None if there can be none.

    `arguments` are those of `wandb.init`; an `id` that was used before continues its run.
    """
    import wandb

    waits = {"init_timeout": START_S, "finish_timeout": END_S, "finish_timeout_raises": True}
    wanted = arguments["mode"]
    modes = ["offline"] if wanted == "online" and _lost else [wanted]
    for mode in [*modes, "offline"] if modes == ["online"] else modes:
        try:
            settings = wandb.Settings(silent=True, console="off", **waits)
            run = wandb.init(**{**arguments, "mode": mode}, settings=settings, resume="allow")
        except Exception as error:  # W&B raises many kinds, from usage to network
            trouble(error, mode)
            with suppress(Exception):
                wandb.teardown()  # what still tries to start holds the run's id
            continue
        if mode != wanted:
            log.info("W&B: %s is written offline; to upload: wandb sync %s", *_facts(run))
        return run
    return None


def end_run(run: Any, exit_code: int = 0) -> None:
    """Ends a run; if not all of it has reached the service, says what to type."""
    facts = _facts(run)
    try:
        run.finish(exit_code=exit_code)
    except Exception as error:
        trouble(error, "end")
        log.warning("W&B: not all of %s was sent; to upload: wandb sync %s", *facts)


def trouble(error: Exception, when: str) -> None:
    """Tells what W&B complains of; from now on this process does not wait for the service."""
    global _lost
    _lost = True
    log.warning("W&B (%s): %s", when, first_line(error))


def _facts(run: Any) -> tuple[str, str]:
    """Its name, and what `wandb sync` takes: of its own accord it leaves out what began online."""
    folder = Path(run.dir).parent
    online = "--include-online " if folder.name.startswith("run-") else ""
    return str(run.name), online + shlex.quote(os.path.relpath(folder))
