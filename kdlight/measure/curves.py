"""What a network's training curves say of it."""

import csv
from pathlib import Path

SELECTION = "val/macro"


def selection_score(folder: Path) -> float:
    """The best score of a trained network on the selection rows, in percent.

    Args:
        folder: of the network, with its `metrics.csv`.
    """
    with (folder / "metrics.csv").open(newline="") as file:
        return max(
            float(line["value"]) for line in csv.DictReader(file) if line["metric"] == SELECTION
        )
