"""How tables are written: in Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence

from kdlight.report.collect import macro
from kdlight.report.cost import cost
from kdlight.report.groups import Group
from kdlight.report.tables import Table, worth

PACKAGES = "% In the preamble: \\usepackage{booktabs,adjustbox}\n"


def markdown(table: Table, level: int = 2) -> str:
    """With a heading, remarks below."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    heading = f"{'#' * level} {table.title}"
    return "\n".join([heading, "", *lines, "", *(f"{note}\n" for note in table.notes)])


def latex(table: Table) -> str:
    """A `table` with booktabs rules, as wide as the text at most."""
    rows = [" & ".join(map(_escaped, row)) + r" \\" for row in table.rows]
    head = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(table.title)}}}"]
    head += [r"\begin{adjustbox}{max width=\textwidth}"]
    head += [rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", r"\toprule"]
    head += [" & ".join(map(_escaped, table.columns)) + r" \\", r"\midrule"]
    notes = [rf"\par\small {_escaped(note)}" for note in table.notes]
    end = [r"\bottomrule", r"\end{tabular}", r"\end{adjustbox}", *notes, r"\end{table}", ""]
    return "\n".join([*head, *rows, *end])


SIGNS = {sign: f"\\{sign}" for sign in "&%_#{}$"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "±": r"$\pm$",
    "<": "$<$",
    ">": "$>$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
}


def _escaped(text: str) -> str:
    return "".join(SIGNS.get(sign, sign) for sign in text)


def comma_separated(groups: Sequence[Group]) -> str:
    """One line a group, network, seed, task and metric, with the score as it is stored."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["group", "network", "seed", "task", "metric", "score"])
    for group in groups:
        for run in group.runs:
            for arm in group.arms:
                for task, metrics in run.scores(arm).items():
                    for metric, value in metrics.items():
                        writer.writerow([group.title, arm, run.seed, task, metric, repr(value)])
    return out.getvalue()


COSTS = ("params", "params_without_embeddings", "size_bytes")
NETWORK = ("macro", "retention", "agreement", *COSTS, "flops", "training_s")
LATENCY = ("latency_ms", "latency_batch", "latency_length", "latency_device")


def networks_separated(groups: Sequence[Group]) -> str:
    """One line a group, network and seed: what it is worth and what it costs.

    Retention is a fraction, agreement the mean over tasks in percent. Latency is that of the first
    case, of the teacher and the first arms. What is not known is left empty.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["group", "network", "seed", *NETWORK, *LATENCY])
    for group in groups:
        for run in group.runs:
            for arm in group.arms:
                values = {"macro": macro(run.scores(arm)), **worth(run, arm), **cost(run, arm)}
                cells = [values.get(name) for name in (*NETWORK, *LATENCY)]
                writer.writerow([group.title, arm, run.seed, *cells])
    return out.getvalue()
