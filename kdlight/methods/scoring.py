"""How a network's outputs are scored, for each kind of task."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch.nn import functional as F

from kdlight.data.encoded import EncodedRows
from kdlight.data.layout import Options, Windows
from kdlight.data.loader import EvalLoader
from kdlight.data.rows import read_rows
from kdlight.methods.predict import BATCH, predict
from kdlight.metrics.scores import TaskScores, score
from kdlight.metrics.spans import SpanScores
from kdlight.models.kinds import NEVER
from kdlight.models.multitask import MultiTaskModel
from kdlight.types import Example

Scores = dict[str, float]
Line = tuple[Example, Any, Any]  # an example, its gold answer and the network's
About = Mapping[str, Any]


class Scoring(Protocol):
    """One kind of task."""

    def scores(self, about: About, rows: EncodedRows, across_ranks: bool = True) -> Any:
        """What collects the outputs of a network and computes the metrics."""
        ...

    def majority(self, about: About, rows: EncodedRows) -> float:
        """The score of always giving the commonest answer."""
        ...

    def evaluate(
        self, model: MultiTaskModel, about: About, rows: EncodedRows, device: str
    ) -> tuple[Scores, Iterator[Line]]:
        """The metrics in percent, and every example with its gold answer and the network's."""
        ...


class Decided:
    """A class or a grade for each row."""

    def scores(self, about: About, rows: EncodedRows, across_ranks: bool = True) -> TaskScores:
        """The metrics over logits."""
        return TaskScores(about["metrics"], self._width(about, rows), across_ranks)

    def majority(self, about: About, rows: EncodedRows) -> float:
        """That of the commonest class; zero for a graded task."""
        width = self._width(about, rows)
        if width == 1:
            return 0.0
        labels = torch.from_numpy(rows.labels.astype(np.int64))
        always = F.one_hot(labels.mode().values.expand_as(labels), width)
        return score(self._computed(about, rows, always.float()))

    def evaluate(
        self, model: MultiTaskModel, about: About, rows: EncodedRows, device: str
    ) -> tuple[Scores, Iterator[Line]]:
        """The outputs are logits."""
        outputs = predict(model, rows, device)
        lines = zip(read_rows(cast(Any, rows.text)), outputs.tolist(), strict=True)
        graded = self._width(about, rows) == 1
        return self._computed(about, rows, outputs), (
            (example, example.label if graded else int(example.label or 0), self._shown(output))
            for example, output in lines
        )

    def _width(self, about: About, rows: EncodedRows) -> int:
        del rows
        return int(about["num_outputs"])

    def _shown(self, output: list[float]) -> list[float]:
        return output

    def _computed(self, about: About, rows: EncodedRows, outputs: torch.Tensor) -> Scores:
        scores = self.scores(about, rows, across_ranks=False)
        scores.update(outputs, torch.from_numpy(rows.labels[:]))
        return scores.compute()


class Chosen(Decided):
    """An option for each row; rows may have more or fewer of them."""

    def _width(self, about: About, rows: EncodedRows) -> int:
        del about
        return cast(Options, rows.layout).most

    def _shown(self, output: list[float]) -> list[float]:
        return [value for value in output if value != NEVER]


class Answered:
    """An answer from its context for each question, or none."""

    def scores(
        self,
        about: About,
        rows: EncodedRows,
        across_ranks: bool = True,
        threshold: float | None = None,
    ) -> SpanScores:
        """Exact match and F1 of the answers' texts."""
        windows = cast(Windows, rows.layout)
        longest = about["longest_answer"]
        return SpanScores(
            about["metrics"], windows, about["answers"], longest, threshold, across_ranks
        )

    def majority(self, about: About, rows: EncodedRows) -> float:
        """That of never giving an answer."""
        del about
        examples = cast(Windows, rows.layout).read()
        return 100 * float(np.mean([not example.answers for example in examples]))

    def evaluate(
        self, model: MultiTaskModel, about: About, rows: EncodedRows, device: str
    ) -> tuple[Scores, Iterator[Line]]:
        """The outputs are texts; "" is no answer."""
        threshold = model.null_threshold(rows.task)
        scores = self.scores(about, rows, across_ranks=False, threshold=threshold)
        with torch.inference_mode():
            for batch in EvalLoader(rows, BATCH, model.reads):
                scores.update(model(batch.to(device)).part("logits").cpu(), batch)
        values = scores.compute()
        return values, (
            (example, [answer.text for answer in example.answers], text)
            for example, text in scores.outputs
        )


KINDS: Mapping[str, Scoring] = {"text": Decided(), "span": Answered(), "choice": Chosen()}


def scoring(about: About) -> Scoring:
    """How a task is scored, from what a plan says of it."""
    return KINDS[about.get("kind", "text")]
