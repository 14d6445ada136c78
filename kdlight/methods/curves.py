"""Training curves as a small CSV file beside the weights."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only


class CurveLogger(Logger):
    """Writes `step,metric,value` lines; a resumed run drops what it is about to repeat."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self._opened = path, False

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
        if not self._opened:
            self._drop_from(step or 0)
            self._opened = True
        with self.path.open("a", newline="") as file:
            lines = (
                (step, key, f"{value:.6g}") for key, value in metrics.items() if key != "epoch"
            )
            csv.writer(file).writerows(lines)

    def _drop_from(self, step: int) -> None:
        rows = read_curves(self.path) if self.path.exists() else []
        with self.path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("step", "metric", "value"))
            writer.writerows(row for row in rows if row[0] < step)


def read_curves(path: Path) -> list[tuple[int, str, float]]:
    """(step, metric, value) lines; a line cut by a kill is left out."""
    with path.open(newline="") as file:
        complete = (line.strip() for line in file if line.endswith("\n"))
        next(complete, None)
        return [(int(step), key, float(value)) for step, key, value in csv.reader(complete)]
