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
    """Builds both; `workspace.json` and `report.json` hold what W&B gets, or would get.

    Raises:
        UserError: without W&B in the configuration, or without wandb-workspaces.
    """
    runs = WandbRuns(config, folder)
    if runs.settings is None:
        raise UserError("job=dashboard needs logger=wandb, whose project it is about.")
    check_installed()
    mode, entity = runs.mode, runs.settings["entity"]
    if mode == "online" and not entity:
        mode, entity = _asked()
    about = Subject(
        entity or "",
        runs.settings["project"],
        config["name"],
        {name: task.metrics for name, task in Plan(config).tasks.items()},
    )
    made: dict[str, Any] = {"workspace": workspace(about), "report": report(about)}
    for name, each in made.items():
        write_whole(folder / f"{name}.json", each._to_model().model_dump_json(indent=1))
        log.info("%s: %s", name.capitalize(), folder / f"{name}.json")
    if mode != "online":
        remedy = "with a key (wandb login) and a network the same command does that"
        log.info("W&B is %s: nothing was saved there; %s.", mode, remedy)
        return
    try:
        made["workspace"].save()
        made["report"].save(draft=False)
    except Exception as error:  # of W&B's many kinds
        raise UserError(f"W&B: {str(error).splitlines()[0]}") from error
    log.info("Workspace: %s\nReport: %s", made["workspace"].url, made["report"].url)


def _asked() -> tuple[str, str]:
    """Whether the service is there, and the user's own entity, which only it knows."""
    import wandb

    try:
        return "online", str(wandb.Api().default_entity or "")
    except Exception as error:  # of W&B's many kinds
        log.warning("W&B: %s", str(error).split("\n")[0] or type(error).__name__)
        return "offline", ""
