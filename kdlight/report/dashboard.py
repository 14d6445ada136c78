"""The W&B dashboard, built by code: a workspace to watch runs in, a report to show them.

Charts of results are of the summary runs, one a job; charts of training of the artifacts' runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdlight.types import UserError

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report
    from wandb_workspaces.workspaces import Workspace

LEAD = (
    "One point a job: teacher, the same student on gold labels alone, and the distilled student. "
    "Scores are of the reported rows, in percent; a score says little without its spread over "
    "seeds, which `job=report` gives with its tests."
)


@dataclass(frozen=True)
class Subject:
    """What a dashboard is about: a W&B project, an experiment in it, and metrics by task."""

    entity: str
    project: str
    experiment: str
    metrics: Mapping[str, Sequence[str]]


def workspace(about: Subject) -> "Workspace":
    """Sections for results, for training, and for every task, of an experiment's runs."""
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces.reports.v2 import LinePlot

    sections = [
        ws.Section(name="Results", panels=_results(), is_open=True),
        ws.Section(name="Training", panels=_training(), is_open=True),
    ]
    for task, metrics in about.metrics.items():
        drawn: list[Any] = [
            LinePlot(title=f"{task}: {metric}, selection rows", y=[f"val/{task}/{metric}"])
            for metric in metrics
        ]
        drawn += [_bars(f"{task}: {m}", [f"{n}/{task}/{m}" for n in NETWORKS]) for m in metrics]
        sections.append(ws.Section(name=task, panels=drawn))
    return ws.Workspace(
        entity=about.entity,
        project=about.project,
        name=f"kdlight: {about.experiment}",
        sections=sections,
        runset_settings=ws.RunsetSettings(filters=_runs_of(about)),
    )


def report(about: Subject, online: bool = True) -> "Report":
    """The results of an experiment with a line on how to read them.

    Args:
        about: what it is about.
        online: whether W&B may be asked for the project, which its run sets then name in full.
    """
    from wandb_workspaces.reports import v2 as wr

    place = {"entity": about.entity, "project": about.project}
    ours, runs = _runs_of(about), place if online else {"project": about.project}
    jobs = wr.Runset(**runs, name="jobs", filters=f"{ours} and Config('kind') = 'summary'")
    networks = wr.Runset(**runs, name="networks", filters=f"{ours} and Config('kind') != 'summary'")
    blocks = [
        wr.H1(f"{about.experiment}: what distillation bought"),
        wr.P(LEAD),
        wr.PanelGrid(runsets=[jobs], panels=_results()),
        wr.H2("Training"),
        wr.PanelGrid(runsets=[networks], panels=_training()),
    ]
    return wr.Report(**place, title=f"kdlight: {about.experiment}", blocks=blocks)


def _runs_of(about: Subject) -> str:
    """The filter that leaves other experiments of the project out."""
    return f"Config('experiment') = {about.experiment!r}"


NETWORKS = ("teacher", "baseline", "student")


def _results() -> list[Any]:
    from wandb_workspaces.reports import v2 as wr

    score = wr.SummaryMetric("macro/student")
    return [
        _bars("macro by job", [f"macro/{name}" for name in NETWORKS]),
        wr.ScatterPlot(
            title="quality against latency",
            x=wr.SummaryMetric("latency/student_ms"),
            y=score,
            log_x=True,
        ),
        wr.ScatterPlot(
            title="quality against parameters without embeddings",
            x=wr.SummaryMetric("student/params_without_embeddings"),
            y=score,
            log_x=True,
        ),
        wr.WeavePanelSummaryTable(table_name="result"),
        wr.MediaBrowser(title="Pareto", media_keys=["pareto"]),
    ]


def _training() -> list[Any]:
    from wandb_workspaces.reports.v2 import LinePlot

    return [
        LinePlot(title="macro, selection rows", y=["val/macro"]),
        LinePlot(title="loss", y=["train/loss"], log_y=True),
        LinePlot(title="rows a second", y=["rows_per_second"]),
    ]


def _bars(title: str, metrics: Sequence[str]) -> Any:
    from wandb_workspaces.reports.v2 import BarPlot, SummaryMetric

    return BarPlot(title=title, metrics=[SummaryMetric(name) for name in metrics])


def check_installed() -> None:
    """Refuses to go on without wandb-workspaces.

    Raises:
        UserError: with the command that installs it.
    """
    try:
        import wandb_workspaces  # noqa: F401
    except ImportError as error:
        raise UserError(
            "job=dashboard needs wandb-workspaces: pip install 'kdlight[dashboard]'."
        ) from error
