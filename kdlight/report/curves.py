"""The picture of a run: how each network's selection score grew."""

import csv
from collections import defaultdict
from itertools import cycle
from pathlib import Path

MOST = 12
ON_TEXT = ("pretrain", "agnostic")  # stages whose networks have a loss, and no score of a task
Curves = dict[str, list[tuple[float, float]]]


def read_curves(metrics: Path) -> tuple[Curves, dict[str, int]]:
    """`val/macro` of every network in a run's `metrics.csv`, and the steps each has made.

    A point is (share of the network's own training in percent, score), since teacher and student
    differ in steps.
    """
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["metric"] == "val/macro":
                found[row["network"]].append((int(row["step"]) + 1, float(row["value"])))
    steps = {name: points[-1][0] for name, points in found.items()}
    curves = {n: [(100 * step / steps[n], v) for step, v in found[n]] for n in found}
    return curves, steps


def drawn(curves: Curves) -> Curves:
    """Those that fit into a picture: of networks that learn tasks, the first dozen."""
    scored = [name for name in curves if not name.startswith(ON_TEXT)]
    return {name: curves[name] for name in scored[:MOST]}


def draw_curves(metrics: Path, out: Path, title: str) -> bool:
    """Draws the curves of a run; returns whether there was anything to draw."""
    found, steps = read_curves(metrics)
    curves = drawn(found)
    if not curves:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for (name, points), marker in zip(curves.items(), cycle("osD^vPX*"), strict=False):
        label = f"{name}, {steps[name]:,} steps"
        axes.plot(*zip(*points, strict=True), marker=marker, markersize=4, label=label)
    axes.set_xlabel("share of its training (%)")
    axes.set_ylabel("macro score on the selection rows (%)")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(out)
    return True
