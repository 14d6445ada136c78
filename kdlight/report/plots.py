"""Pictures of a report as SVG text: quality against cost with the Pareto front, and curves."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from statistics import fmean
from textwrap import wrap
from typing import Any

from kdlight.report.collect import Run
from kdlight.report.cost import cost, on_one_machine
from kdlight.report.curves import drawn as drawn_curves
from kdlight.report.curves import read_curves
from kdlight.report.groups import Group
from kdlight.report.overview import each_network, name_among

MARKERS, MOST = "osD^vPX*<>hpd8H", 135  # networks in a picture
SIZE, LINE = (5.4, 4.0), 75  # inches; characters of a line in the legend


@dataclass(frozen=True)
class Point:
    """A network: its name, what it costs and how good it is, with the spread over seeds.

    By its place among all networks it looks alike in every picture.
    """

    name: str
    cost: float
    score: float
    low: float
    high: float
    place: int


def pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other network beats in both, cheapest first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.score)):
        if not found or point.score > found[-1].score:
            found.append(point)
    return found


def by_parameters(groups: Sequence[Group]) -> list[Point]:
    """Parameters without embeddings where they are known, for teachers and students."""
    return _points(groups, lambda group, arm: _costs(group.runs, arm, "params_without_embeddings"))


def by_latency(groups: Sequence[Group]) -> list[Point]:
    """Milliseconds a row of the first latency case, for teachers and first arms.

    The mean over the runs on the machine of a group's first, as in the table of costs.
    """
    return _points(groups, lambda group, arm: _costs(on_one_machine(group), arm, "latency_ms"))


def _costs(runs: Sequence[Run], arm: str, key: str) -> list[float | None]:
    return [cost(run, arm).get(key) for run in runs]


def _points(
    groups: Sequence[Group], costs: Callable[[Group, str], Sequence[float | None]]
) -> list[Point]:
    """A point a network; one that groups share has the cost that the first of them tells."""
    found = []
    for place, (arm, group) in enumerate(each_network(groups)):
        if known := [value for value in costs(group, arm) if value is not None]:
            name = wrap(name_among(arm, group, groups), LINE, break_on_hyphens=False)
            scores = group.macro(arm)
            middle, low, high = fmean(scores), min(scores), max(scores)
            found.append(Point("\n".join(name), fmean(known), middle, low, high, place))
    return found


def scatter(points: Sequence[Point], label: str, file: Path | None = None) -> str | None:
    """Macro score over a cost, both directions named, the front as a line; None for one point.

    Of more than `MOST` the first are drawn. The picture is also saved to `file`, in the format of
    its name.
    """
    if len({point.cost for point in points}) < 2:
        return None
    figure, axes = _figure()
    points = points[:MOST]
    for point in points:
        spread = [[point.score - point.low], [point.high - point.score]]
        looks = {"marker": MARKERS[point.place % len(MARKERS)], "color": f"C{point.place % 10}"}
        axes.errorbar(point.cost, point.score, yerr=spread, linestyle="", capsize=3,
                      label=_plain(point.name), **looks)  # fmt: skip
    front = pareto(points)
    axes.plot([p.cost for p in front], [p.score for p in front], color="0.6", linewidth=1,
              zorder=0, label="Pareto front")  # fmt: skip
    _readable_log(axes)
    axes.set_xlabel(f"{label} (less is better)")
    axes.set_ylabel("macro score in percent")
    drawn = _svg(figure)
    if file:
        figure.savefig(file, dpi=120)
    return drawn


def curves(group: Group) -> str | None:
    """Selection scores over training, a line a network of the first seed."""
    path = group.runs[0].folder / "metrics.csv"
    found = drawn_curves(read_curves(path)[0]) if path.exists() else {}
    if not found:
        return None
    figure, axes = _figure()
    for name, points in found.items():
        axes.plot(*zip(*points, strict=True), linewidth=1.2, label=_plain(name))
    axes.set_xlabel("share of its training (%)")
    axes.set_ylabel("macro on the selection rows (%)")
    return _svg(figure)


def _plain(label: str) -> str:
    """A label that is not read as mathematics, nor left out for a first `_`."""
    return label.replace("$", r"\$").lstrip("_")


def _readable_log(axes: Any) -> None:
    """A logarithmic axis with numbers such as 0.3, 5, 20 and 2M."""
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = log10(high / low)
    marks = (1, 1.5, 2, 3, 4, 5, 7) if decades < 0.8 else (1, 2, 5) if decades < 2.5 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=marks))
    axes.xaxis.set_minor_locator(NullLocator())
    large = EngFormatter(sep="")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: large(x) if x >= 1000 else f"{x:g}"))


def _figure() -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib

    figure.legend(fontsize="small", loc="outside lower left")
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "kdlight", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
