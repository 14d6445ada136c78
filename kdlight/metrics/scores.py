"""The benchmarks' own metrics in percent, and the macro average over them."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import torchmetrics as tm
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix


class Matthews(MulticlassConfusionMatrix):
    """Matthews correlation, zero where the labels or the decisions are constant.

    That is scikit-learn's rule, with which CoLA is scored; torchmetrics puts another number
    there (4.1 percent for one answer to 60 of 100 rows right, 100 where all rows are one class).
    """

    def compute(self) -> Tensor:
        """The correlation from the counts of (label, decision), a scalar."""
        counts = super().compute().double()
        truth, decided, total = counts.sum(dim=1), counts.sum(dim=0), counts.sum()
        covariance = counts.trace() * total - truth @ decided
        spread = (total**2 - truth @ truth) * (total**2 - decided @ decided)
        return covariance / spread.sqrt() if spread > 0 else spread.new_zeros(())


def _metric(name: str, num_outputs: int, across_ranks: bool) -> tm.Metric:
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "accuracy": (
            tm.Accuracy,
            {"task": "multiclass", "num_classes": num_outputs, "average": "micro"},
        ),
        "matthews": (Matthews, {"num_classes": num_outputs}),
        "f1": (tm.F1Score, {"task": "binary"}),
        "pearson": (tm.PearsonCorrCoef, {}),
        "spearman": (tm.SpearmanCorrCoef, {}),
    }
    make, arguments = kinds[name]
    return make(**arguments, sync_on_compute=across_ranks)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the remarks of torchmetrics on constants and on the buffer of rank correlation."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The variance of predictions or target")
        warnings.filterwarnings("ignore", message="Metric `SpearmanCorrcoef` will save")
        yield


class TaskScores(nn.Module):
    """The metrics of one task, fed batch by batch; exact over several ranks.

    Args:
        metrics: names from `accuracy f1 matthews pearson spearman`.
        num_outputs: logits of the task; one for a graded task.
        across_ranks: whether `compute` takes in what the other ranks saw.
    """

    def __init__(self, metrics: Sequence[str], num_outputs: int, across_ranks: bool = True) -> None:
        super().__init__()
        self.num_outputs = num_outputs
        with _quiet():
            made = {name: _metric(name, num_outputs, across_ranks) for name in metrics}
        self.metrics: Any = nn.ModuleDict(made)

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch: `logits` [batch classes], `labels` [batch]."""
        logits = logits.float()
        graded = self.num_outputs == 1
        decided = logits[:, 0] if graded else logits.argmax(dim=1)
        truth = labels.float() if graded else labels.long()
        for metric in self.metrics.values():
            metric.update(decided, truth)

    def settle(self, head: nn.Module) -> None:
        """There is nothing to leave with the network's head."""

    def compute(self) -> dict[str, float]:
        """Each metric in percent; a correlation of constants counts as zero."""
        with _quiet():
            values = {name: 100 * float(metric.compute()) for name, metric in self.metrics.items()}
        return {name: value if value == value else 0.0 for name, value in values.items()}

    def reset(self) -> None:
        """Forgets all batches."""
        for metric in self.metrics.values():
            metric.reset()


def score(scores: Mapping[str, float]) -> float:
    """The headline score of a task: the mean of its metrics."""
    return fmean(scores.values())


def macro(scores: Mapping[str, Mapping[str, float]]) -> float:
    """The unweighted mean over tasks of the mean of a task's metrics."""
    return fmean(score(task) for task in scores.values())
