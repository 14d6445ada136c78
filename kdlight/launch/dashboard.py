"""`job=dashboard`: saves the W&B workspace and report, or writes what would be saved."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.artifacts.place import write_whole
from kdlight.launch.plan import Plan
from kdlight.launch.wandb_runs import WandbRuns
from kdlight.report.dashboard import Subject, check_installed, report, workspace
from kdlight.types import UserError, first_line

log = logging.getLogger("kdlight")
URLS = "urls.json"


def dashboard(config: Mapping[str, Any], folder: Path) -> None:
    """Builds both; `workspace.json` and `report.json` hold what W&B gets, or would get.

    `urls.json` holds by project where they are, so that the next time they are saved over.

    Raises:
        UserError: without W&B in the configuration or wandb-workspaces, or if W&B refuses.
    """
    runs = WandbRuns(config, folder)
    if runs.settings is None:
        raise UserError("job=dashboard needs logger=wandb, whose project it is about.")
    check_installed()
    mode, entity = runs.mode, runs.settings["entity"]
    if mode == "online":
        mode, own = _asked()
        entity = entity or own
    about = Subject(
        entity or "",
        runs.settings["project"],
        config["name"],
        {name: task.metrics for name, task in Plan(config).tasks.items()},
    )
    made: dict[str, Any] = {
        "workspace": workspace(about),
        "report": report(about, online=mode == "online"),
    }
    for name, each in made.items():
        try:
            text = each._to_model().model_dump_json(indent=1)
        except Exception as error:  # of W&B's many kinds: it is asked for the project
            raise UserError(f"W&B: {first_line(error)}") from error
        write_whole(folder / f"{name}.json", text)
        log.info("%s: %s", name.capitalize(), folder / f"{name}.json")
    if mode != "online":
        remedy = "with a key (wandb login) and a network the same command does that"
        log.info("W&B is %s: nothing was saved there; %s.", mode, remedy)
        return
    saved = _save(made, f"{about.entity}/{about.project}", folder / URLS)
    log.info("Workspace: %s\nReport: %s", saved["workspace"], saved["report"])


def _save(made: Mapping[str, Any], project: str, note: Path) -> dict[str, str]:
    """Saves both, over those of before where they are still there; their URLs, which it notes."""
    known = json.loads(note.read_text()) if note.exists() else {}
    urls: dict[str, str] = known.setdefault(project, {})
    for name, new in made.items():
        each = _over(new, urls[name]) if name in urls else new
        try:
            each.save()
            urls[name] = str(each.url)
        except Exception as error:  # of W&B's many kinds
            raise UserError(f"W&B: {first_line(error)}") from error
        write_whole(note, json.dumps(known, indent=1))
    return urls


def _over(new: Any, url: str) -> Any:
    """What was saved before, with what it shows now; itself if that is gone."""
    try:
        old = type(new).from_url(url)
    except Exception as error:  # of W&B's many kinds
        log.warning("W&B: %s cannot be read (%s); another is made.", url, first_line(error))
        return new
    for shown in ("name", "title", "sections", "runset_settings", "blocks"):
        if hasattr(new, shown):
            setattr(old, shown, getattr(new, shown))
    return old


def _asked() -> tuple[str, str]:
    """Whether the service is there, and the user's own entity, which only it knows."""
    import wandb

    try:
        return "online", str(wandb.Api().default_entity or "")
    except Exception as error:  # of W&B's many kinds
        log.warning("W&B: %s", first_line(error))
        return "offline", ""
