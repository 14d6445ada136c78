"""One self-contained HTML page: readable on a wide and a narrow window, and in print."""

import re
from collections.abc import Sequence
from html import escape
from itertools import zip_longest

from kdlight.report.tables import Table

NUMBER = re.compile(r"[-+<0-9]")
BEST, WORDS = ' class="best"', ' class="words"'
STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --accent: #2563a8; }
@media (prefers-color-scheme: dark) { :root { --accent: #7db4ee; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1.2rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; overflow-wrap: anywhere; }
p.note, p.lead { max-width: 48rem; margin: .35rem 0; }
p.note { font-size: .85rem; opacity: .8; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem;
  background: linear-gradient(to left, Canvas 40%, transparent) right/3rem 100% no-repeat local,
    linear-gradient(to left, #8888, transparent) right/1rem 100% no-repeat scroll; }
table { border-collapse: separate; border-spacing: 0; width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: Canvas; }
thead th { border-bottom: 2px solid var(--line); font-size: .85rem; line-height: 1.25;
  white-space: normal; vertical-align: bottom; }
tbody tr + tr td { border-top: 1px solid var(--line); }
tbody tr:hover td { background-color: var(--soft); }
th.words, td.words { text-align: left; }
td wbr { white-space: normal; }
td.best { font-weight: 700; color: var(--accent); }
figure { margin: 1rem 0; background: #fff; border-radius: .4rem; padding: .4rem; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; display: block; margin: auto; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
.row figure { flex: 1 1 24rem; }
figcaption { color: #333; font-size: .85rem; text-align: center; }
details { margin: .6rem 0; }
code { overflow-wrap: anywhere; }
@media (max-width: 40rem) { th, td { padding: .3rem .5rem; }
  th:first-child, td:first-child { white-space: normal; min-width: 6.5rem; } }
@media print { html { font-size: 11px; } body { max-width: none; font-size: 1rem; }
  p.note, p.lead { max-width: none; } th, td { padding: .2rem .4rem; }
  .scroll { overflow: visible; border: 0; background: none; }
  h2, h3, summary { break-after: avoid; break-inside: avoid; }
  figure, table { break-inside: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; } }
"""


def page(title: str, lead: str, parts: Sequence[str]) -> str:
    """The whole page."""
    return "\n".join([
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", "</head>", "<body>",
        f"<h1>{escape(title)}</h1>", f'<p class="lead">{escape(lead)}</p>', *parts, "</body>",
        "</html>", "",
    ])  # fmt: skip


def table(made: Table, level: int = 2, told: set[str] | None = None) -> str:
    """A table with its heading and remarks; the best students' macro stands out.

    Args:
        made: the table.
        level: of the heading.
        told: remarks that stand further up already, which are not repeated; these join them.
    """
    best = _best(made)
    cells_of = zip(*made.rows, strict=True)
    kinds = ["" if any(map(NUMBER.match, cells)) else WORDS for cells in cells_of]
    columns = zip_longest(made.columns, kinds, fillvalue="")
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in columns)
    body = []
    for number, row in enumerate(made.rows):
        cells = [
            f"<td{BEST if (number, column) in best else kind}>{_cell(cell)}</td>"
            for column, (cell, kind) in enumerate(zip(row, kinds, strict=True))
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    new = [note for note in made.notes if told is None or note not in told]
    if told is not None:
        told.update(made.notes)
    if len(new) < len(made.notes):
        new.append("Other remarks: as above." if new else "Remarks: as above.")
    notes = "".join(f'<p class="note">{_unbroken(note)}</p>' for note in new)
    title = escape(made.title).replace("+", "+<wbr>")
    return (
        f"<section><h{level}>{title}</h{level}><div class=scroll><table><thead>"
        f"<tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>{notes}</section>"
    )


def _cell(text: str) -> str:
    """What a cell says; a narrow page breaks it after a comma only."""
    return escape(text).replace(", ", ", <wbr>")


def _unbroken(text: str) -> str:
    """Escaped, with no line's end within `n = 3`."""
    return escape(text).replace(" = ", "&nbsp;=&nbsp;")


def figure(svg: str, caption: str) -> str:
    """A picture with what it shows."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def row(figures: Sequence[str]) -> str:
    """Pictures side by side where there is room."""
    return f"<div class=row>{''.join(figures)}</div>"


def details(summary: str, inside: str) -> str:
    """What opens at a click."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def facts(lines: Sequence[tuple[str, str]]) -> str:
    """A line a fact, its name first."""
    return "".join(
        f"<p class=note><b>{escape(name)}</b> <code>{escape(text)}</code></p>"
        for name, text in lines
    )


def _best(made: Table) -> set[tuple[int, int]]:
    """Where the best macro of a student stands, row and column."""
    cells = [
        ((number, column), row[column], network)
        for number, row in enumerate(made.rows)
        for column, name in enumerate(made.columns)
        for what, network in ((name, row[0]), (row[0], name))  # networks below or beside another
        if column and what == "macro"
    ]
    values = {
        place: float(text.split()[0])
        for place, text, network in cells
        if text and not network.startswith("teacher")
    }
    return {place for place, value in values.items() if value == max(values.values())}
