"""What a job says at its start and at its end."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kdlight.launch.remarks import remarks
from kdlight.launch.result import macro as _macro
from kdlight.report.names import is_teacher, network_name

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from kdlight.report import tables
    from kdlight.report.groups import Group

WIDEST = 1000
BESIDE = 4  # tasks that have room beside what is said of a network
DEMO = (
    "This is a demonstration on embedded (generated) data. The teacher learns from "
    "{teacher} labels{each}, the student may see {student}; the rest reaches it as unlabelled text "
    "that the teacher speaks about. It shows that the machinery works and what such text is "
    "worth, not that soft targets or augmentation help: real data is for that."
)
ON_TEXT = (
    "This is a demonstration on embedded (generated) data. A teacher learns some tasks; a student "
    "learns the teacher's inner relations on plain text, then each task plainly, from {student} "
    "labels{each}. It shows that the machinery works and what the teacher's start is worth; "
    "whether a teacher of many tasks is better than a plain one, real data and long training must "
    "say."
)
REAL = (
    "The real thing: python -m kdlight.run +experiment={name} scale=lite data.source=files "
    "data.root=DIR{tasks} teacher.pretrained=MODEL_FOLDER_OR_HUB_NAME{text}"
)


def opening(config: Mapping[str, Any]) -> None:
    """Says what this job is; a demonstration says that it is one."""
    data = config["data"]
    if data["source"] == "embedded":
        teacher, student = data["max_rows"], data["student_labels"] or data["max_rows"]
        about = ON_TEXT if config["method"]["learns_from"] == "text" else DEMO
        each = " a task" if len(config["task"]) > 1 else ""
        text = about.format(teacher=f"{teacher:,}", student=f"{student:,}", each=each)
        _console().print(f"[bold]{config['name']}, scale={config['scale']}.[/bold] {text}")


def closing(found: Mapping[str, Any], config: Mapping[str, Any], folder: Path) -> None:
    """The result as a table, and where it lies."""
    console = _console()
    rows = _rows(found)
    for table in _scores(found, rows) if rows else ():
        _print(console, table)
    for group, measured in found.get("benchmark", {}).items():
        console.print(_speed(group, measured))
    console.print(remarks(found, config))
    if found["data_source"] == "embedded":
        # The groups of tasks that are compared are those of the scale.
        on_text = config["method"]["learns_from"] == "text"
        named = "" if on_text else f" 'task=[{','.join(config['task'])}]'"
        text = " 'data.corpus=[TEXT_FILES]'" * on_text
        said = REAL.format(name=config["name"], tasks=named, text=text)
        console.print(said, markup=False)
    console.print(f"Result: {os.path.relpath(folder)}/result.json", soft_wrap=True)


def reported(groups: "Sequence[Group]", folder: Path) -> None:
    """The scores of a report, and where it lies."""
    from kdlight.report.overview import comparable, overview_table
    from kdlight.report.tables import score_table
    from kdlight.report.task_groups import group_tables

    console = _console()
    for alike in comparable(groups):
        several = [overview_table(alike)] if len(alike) > 1 else []
        for made in several or group_tables(alike[0]) or [score_table(alike[0])]:
            _print(console, _drawn(made))
    for name in ("report.html", "report.md", "report.tex", "report.csv", "report_networks.csv"):
        console.print(f"Report: {os.path.relpath(folder)}/{name}", soft_wrap=True)


def _drawn(made: "tables.Table") -> Table:
    """A table of a report; a verdict stands below its number."""
    table = Table(title=escape(made.title))
    texts = [number == 0 or name == "beside" for number, name in enumerate(made.columns)]
    rows = [
        [cell if text else cell.replace(", ", "\n") for cell, text in zip(row, texts, strict=True)]
        for row in made.rows
    ]
    for number, (name, text) in enumerate(zip(made.columns, texts, strict=True)):
        lines = [line for row in rows for line in row[number].split("\n")]
        head = "\n".join(wrap(name, max(9, *map(len, lines)), break_long_words=False))
        side: JustifyMethod = "left" if text else "right"
        least = 18 if text else None
        table.add_column(escape(head), justify=side, no_wrap=not text, min_width=least)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _rows(found: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Name, scores, macro, agreement and size of every network, the student last."""
    arms: dict[str, Mapping[str, Any]] = {}
    student = found["student"]
    if teacher := found["teacher"]:
        arms["teacher"] = {**teacher, "macro": found["macro"]["teacher"], "agreement": {}}
    if baseline := found["baseline"]:
        size = {"params": student["params"]}
        arms["baseline"] = {**baseline, "macro": found["macro"]["baseline"], **size}
    arms |= found["variants"]
    if student:
        arms["student"] = {**student, "macro": found["macro"]["student"]}
    # A mean over fewer tasks says nothing beside one over all.
    students = [arm for name, arm in arms.items() if not is_teacher(name, found)]
    most = max((len(arm["scores"]) for arm in students), default=0)
    return [
        (
            network_name(name, found),
            arm["scores"],
            *_numbers(
                arm["macro"] if len(arm["scores"]) == most or is_teacher(name, found) else None,
                arm["agreement"],
                arm,
            ),
        )
        for name, arm in arms.items()
    ]


def _scores(found: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> list[Table]:
    """Networks one below another; many tasks, which have no room beside that, in a second table."""
    if found.get("groups"):
        return [_grouped(found, rows), _by_task(found, rows)]
    tasks = list(rows[0][1])
    many = len(tasks) > max(BESIDE, len(rows))
    table = Table(title=f"{found['experiment']}: {found['split']} scores in percent")
    table.add_column("network", no_wrap=True)
    beside = [] if many else tasks
    for column in (*(_task(found, task) for task in beside), "macro", "agreement", "parameters"):
        table.add_column(column, justify="right")
    for name, scores, *rest in rows:
        table.add_row(name, *(_cell(scores.get(task, {})) for task in beside), *rest)
    return [table, _by_task(found, rows)] if many else [table]


def _by_task(found: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> Table:
    """Every task with the networks side by side."""
    table = Table(title=f"{found['split']} scores a task in percent")
    table.add_column("task", no_wrap=True)
    for name, *_ in rows:
        table.add_column(name, justify="right")
    for task in rows[0][1]:
        cells = [_cell(scores.get(task, {})) for _, scores, *_ in rows]
        table.add_row(_task(found, task), *cells)
    return table


def _task(found: Mapping[str, Any], task: str) -> str:
    return f"{task} (embedded)" if found["data_source"] == "embedded" else task


def _grouped(found: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> Table:
    """Groups of tasks side by side."""
    title = (
        f"{found['experiment']}: mean {found['split']} scores in percent, each after fine-tuning"
    )
    table = Table(title=title)
    table.add_column("network", no_wrap=True)
    for group, about in found["groups"].items():
        table.add_column(f"{group.replace('_', '-')} ({len(about['tasks'])})", justify="right")
    table.add_column("all", justify="right")
    table.add_column("parameters", justify="right")
    for name, scores, macro, _, size in rows:
        cells = [
            f"{_macro({task: scores[task] for task in about['tasks']}):.1f}"
            if scores.keys() >= set(about["tasks"])
            else ""
            for about in found["groups"].values()
        ]
        table.add_row(name, *cells, macro, size)
    return table


def _numbers(
    macro: float | None, agreement: Mapping[str, float], size: Mapping[str, int]
) -> list[str]:
    alike = f"{sum(agreement.values()) / len(agreement):.1f}" if agreement else ""
    return ["" if macro is None else f"{macro:.1f}", alike, f"{size['params']:,}"]


def _speed(group: str, measured: Mapping[str, Any]) -> Table:
    """What a benchmark found, with the goals that hold for a student of usual size."""
    step, epoch, filling = (measured[key] for key in ("step", "store_epoch", "filling"))
    table = Table(title=f"{group}: speed on this machine, batch {measured['batch_size']}")
    for column in ("what", "against", "a second", "ratio", "goal"):
        table.add_column(column, justify="left" if column in ("what", "against") else "right")
    pair = "{:,.0f} / {:,.0f} {}"
    for what, against, values, unit, goal in (
        ("student from the store", "bare PyTorch loop", step, "rows", "≤ 1.05"),
        ("student from the store", "gold labels, no teacher", epoch, "rows", "≤ 1.10"),
        (f"filling the store, {filling['precision']}", "bare forward", filling, "tokens", "≤ 1.10"),
    ):
        rates = [rate for key, rate in values.items() if key.endswith("_s")]
        speed = pair.format(*rates, unit)
        table.add_row(what, against, speed, f"{values['ratio']:.3f}", goal)
    if "faster_than_fp32" in filling:
        speed = f"{filling['faster_than_fp32']:.2f}x faster"
        table.add_row(f"filling the store, {filling['precision']}", "fp32", "", speed, "≥ 2.5x")
    share = min(measured["padding"].values())
    table.add_row("real tokens of the student's batches", "computed", "", f"{share:.3f}", "≥ 0.95")
    peak = f"{measured['peak_bytes'] / 2**20:,.0f} / {filling['peak_bytes'] / 2**20:,.0f} MiB"
    table.add_row("peak memory, student / store", "", peak, "", "")
    return table


def _cell(scores: Mapping[str, float]) -> str:
    return " / ".join(f"{value:.1f}" for value in scores.values())


def _print(console: Console, table: Table) -> None:
    """A table; as wide as it must be where the place for it has no width of its own."""
    if not console.is_terminal:
        least = console.measure(table, options=console.options.update(max_width=WIDEST)).minimum
        console.width = max(console.width, least)
    console.print(table)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=120)
