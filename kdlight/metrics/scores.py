"""The benchmarks' own metrics in percent, and the macro average over them."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import torchmetrics as tm
from torch import Tensor, nn


def _metric(name: str, num_outputs: int) -> tm.Metric:
    if name in ("pearson", "spearman"):
        return tm.PearsonCorrCoef() if name == "pearson" else tm.SpearmanCorrCoef()
    if name == "f1":
        return tm.F1Score(task="binary")
    kinds = {"accuracy": tm.Accuracy, "matthews": tm.MatthewsCorrCoef}
    extra = {"average": "micro"} if name == "accuracy" else {}
    return kinds[name](task="multiclass", num_classes=num_outputs, **extra)


class TaskScores(nn.Module):
    """The metrics of one task, fed batch by batch; exact over several ranks.

    Args:
        metrics: names from `accuracy f1 matthews pearson spearman`.
        num_outputs: logits of the task; one for a graded task.
    """

    def __init__(self, metrics: Sequence[str], num_outputs: int) -> None:
        super().__init__()
        self.num_outputs = num_outputs
        self.metrics = nn.ModuleDict({name: _metric(name, num_outputs) for name in metrics})

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch: `logits` [batch classes], `labels` [batch]."""
        logits = logits.float()
        graded = self.num_outputs == 1
        decided = logits[:, 0] if graded else logits.argmax(dim=1)
        truth = labels.float() if graded else labels.long()
        for metric in self.metrics.values():
            metric.update(decided, truth)

    def compute(self) -> dict[str, float]:
        """Each metric in percent; a correlation of constants counts as zero."""
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
