"""The table of differences between networks, and what its p-values and verdicts are worth."""

from collections.abc import Callable, Sequence

from kdlight.report.compare import Comparison, Network
from kdlight.report.tables import Table, of_one_encoder, shown, verdict

BESIDE = 3  # tasks that have room side by side
Name = Callable[[Network], str]


def difference_table(found: Sequence[Comparison], name: Name | None = None) -> Table:
    """Networks against another: over seeds, and over the rows of each task.

    Args:
        found: one comparison or more, all with the same network.
        name: what the table calls a network; else by its arm.
    """
    called = name or (lambda network: shown(network.arm, network.group))
    tasks = list(dict.fromkeys(task for one in found for task in one.tasks))
    shape = _wide if len(tasks) <= BESIDE else _long
    columns, rows = shape(found, called, tasks)
    notes = [
        "Verdict: paired over seeds, better or worse if the difference is larger than two standard "
        "errors over three seeds or more." + _by_chance(found),
        *_of_p([one.seeds.n for one in found]),
        *of_one_encoder(found[0].against.group),
    ]
    return Table(f"Differences from {called(found[0].against)}", columns, rows, notes)


Shape = tuple[list[str], list[list[str]]]


def _wide(found: Sequence[Comparison], called: Name, tasks: Sequence[str]) -> Shape:
    """Columns and rows: a row a network, the tasks side by side."""
    columns = ["network", "macro minus", "± SE", "n", "verdict"]
    columns += [
        f"{task} {what}" for task in tasks for what in ("minus", "p bootstrap", "p McNemar")
    ]
    rows = []
    for one in found:
        cells = [cell for task in tasks for cell in _of_task(one, task)]
        rows.append([called(one.network), *_over_seeds(one), *cells])
    return columns, rows


def _long(found: Sequence[Comparison], called: Name, tasks: Sequence[str]) -> Shape:
    """Columns and rows: a row a network for the macro, and one below it for each task."""
    columns = ["network", "task", "minus", "p bootstrap", "p McNemar", "± SE", "n", "verdict"]
    rows = []
    for one in found:
        minus, *beside = _over_seeds(one)
        rows.append([called(one.network), "macro", minus, "", "", *beside])
        learnt = (task for task in tasks if task in one.tasks)
        rows.extend(["", task, *_of_task(one, task), "", "", ""] for task in learnt)
    return columns, rows


def _over_seeds(one: Comparison) -> list[str]:
    """The macro's difference, its standard error, n and the verdict."""
    seeds = one.seeds
    error = "" if seeds.error is None else f"{seeds.error:.1f}"
    return [f"{seeds.mean:+.1f}", error, str(seeds.n), verdict(seeds)]


def _of_task(one: Comparison, task: str) -> list[str]:
    """A task's difference and its two p-values."""
    minus = f"{one.tasks[task]:+.1f}" if task in one.tasks else ""
    return [minus, *(_p(kind.get(task)) for kind in (one.bootstrap, one.mcnemar))]


def _of_p(seeds: Sequence[int]) -> list[str]:
    """What the p-values are, and how far they reach."""
    drawn = "p bootstrap: two-sided, of a paired bootstrap with 2,000 samples of the rows, the same"
    if max(seeds) == 1:
        drawn += " for both networks. With one seed it is about these very networks, and says "
        drawn += "nothing of other seeds."
    else:
        drawn += " for both networks and all seeds, together with the spread over seeds (Obuchowski"
        drawn += " & Rockette's test): it is about other seeds and other rows alike."
    if 2 in seeds:
        drawn += " It is left out where there are two seeds: it would be too small."
    return [
        drawn,
        "p McNemar: exact, two-sided, of the majority over seeds. It is about these very networks: "
        "whether they differ on other rows, not whether other seeds would. Both kinds of p are "
        "corrected for the number of comparisons in this table (Holm), each by itself.",
    ]


def _by_chance(found: Sequence[Comparison]) -> str:
    """How far the verdict is to be trusted."""
    n = min((one.seeds.n for one in found if one.seeds.n >= 3), default=0)
    if not n:
        return ""
    rate = next(one.seeds.by_chance for one in found if one.seeds.n == n)
    return f" Of networks that are equally good {rate:.0%} pass this by chance (n = {n})."


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
