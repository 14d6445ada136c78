"""Whole commands at smoke scale, in this process or in one of their own."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from kdlight import run
from kdlight.launch.help import config_folder

SMOKE = ["+experiment=kd_bilstm", "scale=smoke"]
ROOT = Path(__file__).parents[1]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def start(folder: Path, *overrides: str) -> subprocess.Popen:
    """A command in a process of its own, in `folder`."""
    command = [sys.executable, "-m", "kdlight.run", *overrides]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def results(folder: Path) -> list[dict[str, Any]]:
    """The results below `folder`, oldest first."""
    found = sorted(folder.glob("outputs/runs/*/*/result.json"))
    return [json.loads(path.read_text()) for path in found]


def call(folder: Path, patch: pytest.MonkeyPatch, *overrides: str) -> int:
    """A command in this process; its exit status."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["kdlight", *overrides])
    try:
        return run.main()
    finally:
        close_logs()


def close_logs() -> None:
    """Closes the log files of a command, as the end of its process would."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in list(getattr(logger, "handlers", ())):
            if isinstance(handler, logging.FileHandler):
                logger.removeHandler(handler)
                handler.close()


def share(source: Path, folder: Path, without: Collection[str] = ("student",)) -> None:
    """Gives `folder` the artifacts of a finished run, but for those of some kinds."""
    root = source / "outputs/artifacts"
    shutil.copytree(
        root,
        folder / "outputs/artifacts",
        ignore=lambda place, names: set(names) & set(without) if Path(place) == root else (),
    )


def plain(*overrides: str, experiment: str = "kd_bilstm") -> dict[str, Any]:
    """The configuration of a smoke run with more overrides, as the planner gets it."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        words = [f"+experiment={experiment}", "scale=smoke", *overrides]
        config = OmegaConf.to_container(compose("config", words), resolve=True)
    return {**config, "variants": config["variants"] or {}}
