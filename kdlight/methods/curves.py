"""Training curves as a small CSV file beside the weights."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

HEADER = "step,metric,value\n"


class CurveLogger(Logger):
    """Writes `step,metric,value` lines to a new file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.start()

    @rank_zero_only
    def start(self, text: str = HEADER) -> None:
        """Begins the file again, with the lines of a run that goes on."""
        self.path.write_text(text)

    def text(self) -> str:
        """The lines so far."""
        return self.path.read_text() if self.path.exists() else ""  # another machine has it

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "curves"

    @property
    def version(self) -> str:
        """There is one version."""
        return ""

    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Hyper-parameters stand in the manifest, not here."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Appends one line a metric."""
        with self.path.open("a", newline="") as file:
            lines = (
                (step, key, f"{value:.6g}") for key, value in metrics.items() if key != "epoch"
            )
            csv.writer(file, lineterminator="\n").writerows(lines)
