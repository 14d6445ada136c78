"""The table of differences between networks, and what its p-values and verdicts are worth."""

from collections.abc import Callable, Sequence

from kdlight.report.compare import Comparison, Network
from kdlight.report.tables import Table, shown, verdict


def difference_table(
    found: Sequence[Comparison], name: Callable[[Network], str] | None = None
) -> Table:
    """Networks against another: over seeds, and over the rows of each task.

    Args:
        found: one comparison or more, all with the same network.
        name: what the table calls a network; else by its arm.
    """
    called = name or (lambda network: shown(network.arm, network.group))
    tasks = list(dict.fromkeys(task for one in found for task in one.tasks))
    columns = ["network", "macro minus", "± SE", "n", "verdict"]
    columns += [
        f"{task} {what}" for task in tasks for what in ("minus", "p bootstrap", "p McNemar")
    ]
    rows = []
    for one in found:
        seeds = one.seeds
        row = [called(one.network), f"{seeds.mean:+.1f}"]
        row += ["" if seeds.error is None else f"{seeds.error:.1f}", str(seeds.n), verdict(seeds)]
        for task in tasks:
            row.append(f"{one.tasks[task]:+.1f}" if task in one.tasks else "")
            row += [_p(kind.get(task)) for kind in (one.bootstrap, one.mcnemar)]
        rows.append(row)
    notes = [
        "Verdict: paired over seeds, better or worse if the difference is larger than two standard "
        "errors over three seeds or more." + _by_chance(found),
        *_of_p(max(one.seeds.n for one in found)),
    ]
    return Table(f"Differences from {called(found[0].against)}", columns, rows, notes)


def _of_p(seeds: int) -> list[str]:
    """What the p-values are, and how far they reach."""
    about = {
        1: "with one seed it is about these very networks, and says nothing of other seeds",
        2: "with two seeds it is too small at times: 0.05 may stand for 0.1",
    }
    reach = about.get(seeds, "so it is about other seeds and other rows alike")
    return [
        "p bootstrap: two-sided, of a paired bootstrap with 2,000 samples of the rows, the same "
        "for both networks and all seeds, together with the spread over seeds (Obuchowski & "
        f"Rockette's test); {reach}.",
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
