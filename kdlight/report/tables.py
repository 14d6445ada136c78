"""The tables of a report: the scores of networks, and what tables have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from kdlight.report.collect import Run, macro
from kdlight.report.groups import Group
from kdlight.report.names import is_teacher, network_name
from kdlight.report.statistics import OverSeeds
from kdlight.report.unlike import unlike


@dataclass(frozen=True)
class Table:
    """A title, column names, rows of text, and remarks below."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


FEWEST = 3  # seeds that a verdict is given on
BESIDE = 4  # scores that have room beside what is said of a network
SELECTION = {"train_split": "further train rows", "dev": "the dev rows"}


def shown(arm: str, group: Group) -> str:
    """How tables call a network."""
    return network_name(arm, group.runs[0].result)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """`88.2 ± 0.3`; of one value, or values that are all alike, that alone."""
    if not values:
        return ""
    mean = f"{fmean(values):.{digits}f}"
    if len(values) < 2 or max(values) - min(values) < 1e-9:
        return mean
    return f"{mean} ± {stdev(values):.{digits}f}"


def score_table(group: Group) -> Table:
    """Every network's scores: mean ± standard deviation over seeds.

    A row a network; of many tasks a column a network, which is as wide as a page.
    """
    metrics = group.metrics
    columns = ["network", "macro", "kept", "agreement", "n"]
    columns += [f"{task} {metric}" for task, metric in metrics]
    rows = []
    for arm in group.arms:
        cells = [spread(group.values(arm, *metric)) for metric in metrics]
        rows.append([shown(arm, group), *_leading(group, arm), *cells])
    result = group.runs[0].result
    data = "embedded (generated) data" if result["data_source"] == "embedded" else result["split"]
    notes = [
        f"Percent on {data}; {over_seeds_of(group)}. Checkpoints were chosen on "
        f"{SELECTION[result['selection']]}.",
        "kept: macro over the teacher's on the same tasks. agreement: how often the network "
        "decides as its teacher (for grades, their correlation). n: networks trained.",
    ]
    if group.drawn_anew:
        notes.append(f"Drawn anew with each seed: {', '.join(group.drawn_anew)}.")
    if group.older:
        left = ", ".join(f"seed {run.seed}: {run.folder}" for run in group.older)
        notes.append(f"Left out, since a newer run has the same seed and settings: {left}.")
    notes += unlike(group)
    if group.teachers:
        name = f"Teacher: {result['teacher']['name']}"
        one = "one for all seeds, its score has no spread"
        notes.append(f"{name}; {one if group.teachers == 1 else f'{group.teachers} of them'}.")
    notes += of_one_encoder(group)
    if len(metrics) > BESIDE:
        columns, *rows = map(list, zip(["", *columns[1:]], *rows, strict=True))
    return Table(group.title, columns, rows, notes)


def of_one_encoder(group: Group) -> list[str]:
    """What errors over seeds leave out, where all seeds fine-tune the encoders of one."""
    text = (group.runs[0].config.get("method") or {}).get("text") or {}
    if len(group.runs) == 1 or text.get("seed") is None:
        return []
    return [
        "One encoder was distilled for all seeds, which are those of its fine-tuning: how far two "
        "distillations differ is in no error or verdict here."
    ]


def _leading(group: Group, arm: str) -> list[str]:
    """Macro, kept, agreement and n; no macro for a network that has not learnt every task."""
    runs = group.runs
    worths = [worth(run, arm) for run in runs]
    kept = [100 * found["retention"] for found in worths if "retention" in found]
    alike = [found["agreement"] for found in worths if "agreement" in found]
    count = group.teachers if arm == "teacher" else len(runs)
    return [
        whole_macro(group, arm),
        f"{spread(kept)} %" if kept else "",
        spread(alike),
        str(count),
    ]


def worth(run: Run, arm: str) -> dict[str, float]:
    """`retention`, a fraction of the teacher's macro on the same tasks, and `agreement`, percent.

    Those of the two that are known.
    """
    found, own = {}, run.scores(arm)
    if "teacher" in run.arms and not is_teacher(arm, run.result):
        theirs = run.scores("teacher")
        if own.keys() <= theirs.keys() and (whole := macro(theirs, own)):
            found["retention"] = macro(own) / whole
    if alike := run.arms[arm].get("agreement"):
        found["agreement"] = fmean(alike.values())
    return found


def whole_macro(group: Group, arm: str) -> str:
    """A network's macro; nothing for a student that has learnt fewer tasks than others."""
    result = group.runs[0].result
    students = [other for other in group.arms if not is_teacher(other, result)]
    most = max(len(group.runs[0].scores(other)) for other in students)
    whole = all(len(run.scores(arm)) == most for run in group.runs)
    return spread(group.macro(arm)) if whole or is_teacher(arm, result) else ""


def over_seeds_of(group: Group) -> str:
    """What the numbers of a group are: over which seeds, or of which."""
    seeds = ", ".join(str(run.seed) for run in group.runs)
    several = len(group.runs) > 1
    return f"mean ± standard deviation over seeds {seeds}" if several else f"seed {seeds}"


def verdict(seeds: OverSeeds) -> str:
    """`better`, `worse`, `not shown`, or that there are too few seeds to say."""
    if seeds.n < FEWEST:
        return "too few seeds"
    if not seeds.shown:
        return "not shown"
    return "better" if seeds.mean > 0 else "worse"
