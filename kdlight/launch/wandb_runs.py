"""W&B: one run a trained artifact, one summary run a job; offline where there is no key."""

import logging
import os
from collections.abc import Mapping
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any

from kdlight.launch.graph import Node
from kdlight.methods.tracking import start_run

log = logging.getLogger("kdlight")
TRAINED = ("teacher", "student")


class WandbRuns:
    """The W&B side of a job; does nothing with `logger=csv`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.settings: Mapping[str, Any] | None = (config["logger"] or {}).get("wandb")
        self.mode = self._mode() if self.settings else "disabled"

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
        # Of a job in a sweep the number alone would be that of any other sweep's.
        identity = "-".join(folder.parts[-2:]) if folder.name.isdigit() else folder.name
        run = start_run(self._arguments(identity, name, "summary", self.config))
        if run is None:
            return
        try:
            _log_summary(run, found)
        except Exception as error:  # of W&B's many kinds; the result is on disk already
            log.warning("W&B: %s", str(error).split("\n")[0])
            return
        if self.mode == "offline":
            place = os.path.relpath(_root(self.config) / "wandb")
            log.info("W&B is offline (no key); to upload: wandb sync %s/offline-run-*", place)

    def _arguments(self, identity: str, name: str, kind: str, config: Any) -> dict[str, Any]:
        assert self.settings is not None
        about = self.config
        tags = [*self.settings["tags"], about["method"]["name"], about["scale"]]
        tags += [about["data"]["source"], about["student_name"]]
        folder = _root(about)
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "id": identity.replace(".", "-"),
            "name": name,
            "project": self.settings["project"],
            "entity": self.settings["entity"],
            "group": self.settings["group"],
            "job_type": kind,
            "tags": tags,
            "config": dict(config),
            "dir": str(folder),
            "mode": self.mode,
        }

    def _mode(self) -> str:
        wanted = os.environ.get("WANDB_MODE") or (self.settings or {})["mode"]
        if wanted:
            return str(wanted)
        return "online" if _has_key() else "offline"


def _root(config: Mapping[str, Any]) -> Path:
    return Path(config["outputs"]).absolute()


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc().authenticators("api.wandb.ai") is not None
    except (OSError, NetrcParseError):
        return False


def _log_summary(run: Any, found: Mapping[str, Any]) -> None:
    import wandb

    numbers = ("macro", "retention", "latency", "flops", "wall_s")
    run.summary.update({key: found[key] for key in numbers})
    columns = ["network", "task", "metric", "score"]
    run.log({"result": wandb.Table(columns=columns, data=_table(found))})
    run.finish()


def _table(found: Mapping[str, Any]) -> list[list[Any]]:
    networks = {name: found[name] for name in ("teacher", "student", "baseline") if found[name]}
    networks |= found["variants"]
    return [
        [name, task, metric, value]
        for name, network in networks.items()
        for task, metrics in network["scores"].items()
        for metric, value in metrics.items()
    ]
