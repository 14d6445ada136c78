"""W&B: one run a trained artifact, one summary run a job; offline where there is no key."""

import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.artifacts.place import write_whole
from kdlight.launch.graph import Node
from kdlight.launch.sweep.job import IN_SWEEP
from kdlight.launch.wandb_account import has_key, mode
from kdlight.methods.tracking import end_run, start_run, trouble

log = logging.getLogger("kdlight")
TRAINED = ("pretrain", "teacher", "agnostic", "student")


class WandbRuns:
    """The W&B side of a job; does nothing with `logger=csv`."""

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        self.config = config
        # Jobs of a sweep stand together.
        self.group = f"{config['name']} {folder.parent.name}" if IN_SWEEP in os.environ else None
        self.settings: Mapping[str, Any] | None = (config["logger"] or {}).get("wandb")
        self.mode = mode(self.settings["mode"]) if self.settings else "disabled"

    def for_node(self, node: Node) -> dict[str, Any]:
        """Runtime values that make a stage log to the run of its artifact.

        The id comes from the fingerprint, so a build that was stopped continues its run.
        """
        if self.mode == "disabled" or node.kind not in TRAINED:
            return {}
        return {"wandb": self._arguments(node.fingerprint, node.title, node.kind, node.config)}

    def summary(self, found: Mapping[str, Any], folder: Path) -> None:
        """Logs the result of the job; trouble with W&B is a warning, never an error."""
        if self.mode == "disabled":
            return
        name = f"{self.config['name']} {folder.name}"
        run = start_run(self._arguments(_identity(folder), name, "summary", self.config))
        if run is None:
            return
        try:
            _log_summary(run, found, folder)
        except Exception as error:  # of W&B's many kinds; the result is on disk already
            trouble(error, "summary")
        end_run(run)
        if self.mode == "offline":
            place = os.path.relpath(_root(self.config) / "wandb")
            why = "as asked for" if has_key() else "no key"
            log.info("W&B is offline (%s); to upload: wandb sync %s/offline-run-*", why, place)

    def _arguments(self, identity: str, name: str, kind: str, config: Any) -> dict[str, Any]:
        assert self.settings is not None
        about = self.config
        tags = [*self.settings["tags"], about["method"]["name"], about["scale"]]
        tags += [about["data"]["source"], about["student_name"]]
        folder = _root(about)
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "id": identity,
            "name": name,
            "project": self.settings["project"],
            "entity": self.settings["entity"],
            "group": self.settings["group"] or self.group or about["name"],
            "job_type": self.settings["job_type"] or kind,
            "tags": tags,
            "config": {"kind": kind, "experiment": about["name"], **config},
            "dir": str(folder),
            "mode": self.mode,
        }


def _root(config: Mapping[str, Any]) -> Path:
    return Path(config["outputs"]).absolute()


def _identity(folder: Path) -> str:
    """The id of a job's run. It lies in the job's folder, so a restart continues the run."""
    note = folder / "wandb.id"
    if not note.exists():
        write_whole(note, secrets.token_hex(8))
    return note.read_text()


def _log_summary(run: Any, found: Mapping[str, Any], folder: Path) -> None:
    import wandb

    run.summary.update(flat(found))
    columns = ["network", "task", "metric", "score"]
    logged: dict[str, Any] = {"result": wandb.Table(columns=columns, data=_table(found))}
    if (picture := folder / "pareto.png").exists():
        logged["pareto"] = wandb.Image(str(picture))
    if (picture := folder / "curves.png").exists():
        logged["curves"] = wandb.Image(str(picture))
    run.log(logged)


def flat(found: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a result by which runs are compared, such as `macro/student`."""
    parts = ("macro", "selection_macro", "latency", "flops", "wall_s", "train_s")
    nested: dict[str, Any] = {key: found[key] for key in parts if found.get(key)}
    variants = {name: about.get("macro") for name, about in (found.get("variants") or {}).items()}
    nested["macro"] = {**nested.get("macro", {}), **variants}
    for group, about in (found.get("groups") or {}).items():
        nested[f"groups/{group}"] = about["macro"]
    for name in ("teacher", "student", "baseline"):
        about = dict(found.get(name) or {})
        for task, metrics in about.pop("scores", {}).items():
            nested[f"{name}/{task}"] = metrics
        nested[name] = about | {f"agreement/{t}": v for t, v in about.get("agreement", {}).items()}
    numbers = {
        f"{key}/{name}": value
        for key, values in nested.items()
        for name, value in values.items()
        if isinstance(value, int | float)
    }
    return numbers | ({"retention": found["retention"]} if found.get("retention") else {})


def _table(found: Mapping[str, Any]) -> list[list[Any]]:
    networks = {name: found[name] for name in ("teacher", "student", "baseline") if found[name]}
    networks |= found["variants"]
    return [
        [name, task, metric, value]
        for name, network in networks.items()
        for task, metrics in network["scores"].items()
        for metric, value in metrics.items()
    ]
