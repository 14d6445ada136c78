"""From start and end logits to answers, and what they are worth."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torchmetrics as tm
from numpy.typing import NDArray
from torch import Tensor, nn

from kdlight.metrics.answers import COMPARE, best_match
from kdlight.types import Batch, Example

Numbers = NDArray[np.int64]


def best_spans(logits: Tensor, longest: int, count: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """The best pairs of start and end, the end not before the start, none at position 0.

    Args:
        logits: of starts and ends, [batch 2 seq].
        longest: tokens of an answer, at most.
        count: how many pairs a row, best first.

    Returns:
        Scores (start + end logit), starts and ends, each [batch count].
    """
    start, end = logits[:, 0, 1:], logits[:, 1, 1:]
    longest = min(longest, start.shape[1])
    padded = nn.functional.pad(end, (0, longest - 1), value=float("-inf"))
    pairs = start[:, :, None] + padded.unfold(1, longest, 1)  # [batch start length]
    scores, places = pairs.flatten(1).topk(min(count, pairs[0].numel()))
    starts = places // longest + 1
    return scores, starts, starts + places % longest


def best_threshold(margins: NDArray, answered: NDArray, empty: NDArray) -> float:
    """The margin of "no answer" from which on it is given, for the best mean score.

    Args:
        margins: by how much "no answer" beats the best answer, [questions].
        answered: score of each question if the answer is given, [questions].
        empty: score if none is given, [questions].
    """
    order = np.argsort(margins, kind="stable")
    gains = np.concatenate([[0.0], np.cumsum((answered - empty)[order])])
    # After `n` questions in the order of their margins the others stay empty.
    allowed = np.concatenate([[True], np.diff(margins[order]) > 0, [True]])
    n = int(np.where(allowed, gains, -np.inf).argmax())
    ends = np.concatenate([[margins[order[0]] - 1], margins[order], [margins[order[-1]] + 1]])
    return float((ends[n] + ends[n + 1]) / 2)


class Questions(Protocol):
    """Windows of examples, and the text of their answers (`kdlight.data.layout.Windows`)."""

    examples: Numbers

    def answers(
        self, windows: Numbers, starts: Numbers, ends: Numbers
    ) -> Iterator[tuple[Example, str]]:
        """Each example with the text of an answer to it."""
        ...


class SpanScores(tm.Metric):
    """Exact match and F1 of a span task, fed window by window; exact over several ranks.

    Of all windows of a question the best answer counts. "No answer" is given where its logit,
    the lowest over the windows, beats that of the best answer by more than the threshold. Where
    none is given it is chosen anew by `compute`, for the best mean of exact match and F1 (Devlin
    et al. 2019, section 4.3); without a question that has no answer it is infinite.

    Args:
        metrics: names from `exact_match f1`.
        questions: the windows.
        answers: how answers are compared, a key of `COMPARE`.
        longest: tokens of an answer, at most.
        threshold: of "no answer", found before; None: it is found here.
        across_ranks: whether `compute` takes in what the other ranks saw.
    """

    full_state_update = False
    found: Tensor

    def __init__(
        self,
        metrics: Sequence[str],
        questions: Questions,
        answers: str,
        longest: int,
        threshold: float | None = None,
        across_ranks: bool = True,
    ) -> None:
        super().__init__(sync_on_compute=across_ranks)
        self.names, self.questions, self.longest = tuple(metrics), questions, longest
        self.compare, self.given = COMPARE[answers], threshold
        self.threshold = float("inf")
        self.outputs: list[tuple[Example, str]] = []
        # Of each window: the score of its best answer, its start and end, the score of none.
        empty = torch.zeros(len(questions.examples), 4, dtype=torch.float64)
        self.add_state("found", empty, dist_reduce_fx="sum", persistent=False)

    def update(self, logits: Tensor, batch: Batch) -> None:
        """Adds a batch of windows: `logits` [batch 2 seq]."""
        logits = logits.float()
        score, start, end = (part[:, 0] for part in best_spans(logits, self.longest))
        none = logits[:, :, 0].sum(dim=1)
        found = torch.stack([part.double() for part in (score, start, end, none)], dim=1)
        self.found[batch.rows] = found.to(self.found.device)

    def compute(self) -> dict[str, float]:
        """Each metric in percent, over questions."""
        windows, found = self._best()
        starts, ends = found[windows, 1].astype(np.int64), found[windows, 2].astype(np.int64)
        told = list(self.questions.answers(windows, starts, ends))
        right = [[a.text for a in example.answers] for example, _ in told]
        matches = [
            (best_match(text, gold, self.compare), best_match("", gold, self.compare))
            for (_, text), gold in zip(told, right, strict=True)
        ]
        scores = np.array(matches, dtype=float)  # [questions, answered or empty, exact or f1]
        lowest = np.full(len(told), np.inf)
        np.minimum.at(lowest, np.asarray(self.questions.examples), found[:, 3])
        margins = lowest - found[windows, 0]
        self.threshold = self._threshold(margins, scores, all(right))
        empty = margins > self.threshold
        self.outputs = [
            (example, "" if none else text)
            for (example, text), none in zip(told, empty, strict=True)
        ]
        chosen = np.where(empty[:, None], scores[:, 1], scores[:, 0]).mean(axis=0) * 100
        values = {"exact_match": float(chosen[0]), "f1": float(chosen[1])}
        return {name: values[name] for name in self.names}

    def settle(self, head: Any) -> None:
        """Leaves the threshold that was found with the network's head."""
        head.null_threshold.fill_(self.threshold)

    def _best(self) -> tuple[Numbers, NDArray]:
        """The window with the best answer of each question, and what was found in all."""
        found = self.found.cpu().numpy()
        order = np.lexsort((-found[:, 0], np.asarray(self.questions.examples)))
        _, first = np.unique(np.asarray(self.questions.examples)[order], return_index=True)
        return order[first], found

    def _threshold(self, margins: NDArray, scores: NDArray, answerable: bool) -> float:
        if self.given is not None:
            return self.given
        if answerable:
            return float("inf")
        mean = scores.mean(axis=2)
        return best_threshold(margins, mean[:, 0], mean[:, 1])
