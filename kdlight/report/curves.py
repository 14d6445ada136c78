"""The picture of a run: how each network's selection score grew."""

import csv
from collections import defaultdict
from pathlib import Path


def draw_curves(metrics: Path, out: Path, title: str) -> bool:
    """Draws `val/macro` over the training steps of every network in a run's `metrics.csv`.

    The x axis is the share of each network's own training, since teacher and student differ in
    steps. Returns whether there was anything to draw.
    """
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["metric"] == "val/macro":
                curves[row["network"]].append((int(row["step"]) + 1, float(row["value"])))
    if not curves:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for (name, points), marker in zip(curves.items(), "osD^vPX*", strict=False):
        steps = points[-1][0]
        share = [100 * step / steps for step, _ in points]
        label = f"{name}, {steps:,} steps"
        axes.plot(share, [score for _, score in points], marker=marker, markersize=4, label=label)
    axes.set_xlabel("share of its training (%)")
    axes.set_ylabel("macro score on the selection rows (%)")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(out)
    return True
