"""`job=dashboard`: saves the W&B workspace and report, or writes what would be saved."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.artifacts.place import write_whole
from kdlight.launch.plan import Plan
from kdlight.launch.wandb_runs import WandbRuns
from kdlight.report.dashboard import Subject, check_installed, report, workspace
from kdlight.types import UserError

log = logging.getLogger("kdlight")


def dashboard(config: Mapping[str, Any], folder: Path) -> None:
    """Builds both; without a key or network `workspace.json` holds what W&B would get.

    Raises:
        UserError: without W&B in the configuration, or without wandb-workspaces.
    """
    runs = WandbRuns(config, folder)
    if runs.settings is None:
        raise UserError("job=dashboard needs logger=wandb, whose project it is about.")
    check_installed()
    about = Subject(
        runs.settings["entity"] or _entity(runs.mode),
        runs.settings["project"],
        config["name"],
        {name: task.metrics for name, task in Plan(config).tasks.items()},
    )
    built = workspace(about)
    model: Any = built._to_model()
    write_whole(folder / "workspace.json", model.model_dump_json(indent=1))
    log.info("Workspace: %s", folder / "workspace.json")
    if runs.mode != "online":
        log.info("W&B is %s: nothing was saved there; wandb login, then again.", runs.mode)
        return
    try:
        built.save()
        written = report(about)
        written.save(draft=False)
    except Exception as error:  # of W&B's many kinds
        raise UserError(f"W&B: {str(error).splitlines()[0]}") from error
    log.info("Workspace: %s\nReport: %s", built.url, written.url)


def _entity(mode: str) -> str:
    """The user's own, which only the service knows."""
    if mode != "online":
        return ""
    import wandb

    return str(wandb.Api().default_entity or "")
