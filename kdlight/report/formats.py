"""How tables are written: in Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence

from kdlight.report.groups import Group
from kdlight.report.tables import Table

PACKAGES = "% In the preamble: \\usepackage{booktabs,adjustbox}\n"


def markdown(table: Table) -> str:
    """With a heading, remarks below."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *lines, "", *(f"{note}\n" for note in table.notes)])


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


def _escaped(text: str) -> str:
    for sign in "&%_#{}$":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("±", r"$\pm$").replace("<", "$<$").replace("≥", r"$\geq$")


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
