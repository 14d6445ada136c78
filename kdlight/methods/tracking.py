"""The W&B run of a stage or a job; trouble with W&B never stops work."""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("kdlight")


def start_run(arguments: Mapping[str, Any]) -> Any | None:
    """A W&B run, offline if the service cannot be reached, None if there can be none.

    `arguments` are those of `wandb.init`; an `id` that was used before continues its run.
    """
    import wandb

    # A network that is gone delays an end by half a minute; what was not sent stays on the disk.
    waits = {"init_timeout": 30, "finish_timeout": 30, "finish_timeout_raises": False}
    settings = wandb.Settings(silent=True, console="off", **waits)
    modes = [arguments["mode"]] + (["offline"] if arguments["mode"] == "online" else [])
    for mode in modes:
        try:
            return wandb.init(**{**arguments, "mode": mode}, settings=settings, resume="allow")
        except Exception as error:  # W&B raises many kinds, from usage to network
            log.warning("W&B (%s): %s", mode, str(error).split("\n")[0])
    return None
