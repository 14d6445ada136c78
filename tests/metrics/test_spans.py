"""Decoding against a naive search; thresholds and scores against small cases by hand."""

import numpy as np
import pytest
import torch

from kdlight.metrics.spans import SpanScores, best_spans, best_threshold
from kdlight.types import Answer, Batch, Example


def naive(logits, longest):
    """All pairs of one row, best first."""
    seq = logits.shape[1]
    pairs = [
        (float(logits[0, s] + logits[1, e]), s, e)
        for s in range(1, seq)
        for e in range(s, min(seq, s + longest))
    ]
    return sorted(pairs, reverse=True)


@pytest.mark.parametrize("longest", [1, 3, 50])
def test_the_best_pairs_are_those_of_a_naive_search(longest):
    logits = torch.randn(6, 2, 9, generator=torch.Generator().manual_seed(longest))
    scores, starts, ends = best_spans(logits, longest, 4)
    for row in range(6):
        for place, (score, start, end) in enumerate(naive(logits[row], longest)[:4]):
            assert float(scores[row, place]) == pytest.approx(score)
            assert (int(starts[row, place]), int(ends[row, place])) == (start, end)


def test_the_threshold_gives_the_best_score():
    random = np.random.default_rng(0)
    margins, answered, empty = random.normal(size=(3, 40)).round(1)
    found = best_threshold(margins, answered, empty)

    def at(threshold):
        return np.where(margins > threshold, empty, answered).mean()

    tried = [at(t) for t in np.linspace(-5, 5, 2001)]
    assert at(found) == pytest.approx(max(tried))


class Two:
    """Two questions, the first with two windows; a token is a letter of its context."""

    examples = np.array([0, 0, 1])
    rows = (
        Example("1", "?", "abcdef", 1, answers=(Answer("d", 3), Answer("de", 3))),
        Example("2", "?", "ghi", 0),
    )
    offset = (-1, 1, -1)  # of the letter at position 0

    def answers(self, windows, starts, ends):
        for row, window, start, end in zip(self.rows, windows, starts, ends, strict=True):
            shift = self.offset[window]
            yield row, row.text_b[start + shift : end + shift + 1]


def seen(scores, none=(0.0, 0.0, 0.0), best=(1.0, 2.0, 1.5)):
    """Feeds the windows in two batches; the best answers are `ab`, `d` and `g`."""
    logits = torch.full((3, 2, 6), -9.0)
    logits[:, 0, 0], logits[:, 1, 0] = torch.tensor(none), 0.0
    for row, (start, end) in enumerate([(1, 2), (2, 2), (1, 1)]):
        logits[row, 0, start], logits[row, 1, end] = best[row], 0.0
    for rows in ([2, 0], [1]):
        labels = torch.zeros(len(rows), 2)
        numbers = torch.tensor(rows)
        scores.update(logits[rows], Batch("t", numbers, numbers, labels, context=labels))
    return scores


def make(**options):
    return SpanScores(["exact_match", "f1"], Two(), "words", 5, across_ranks=False, **options)


def test_the_best_window_answers():
    scores = seen(make(threshold=float("inf")))
    assert scores.compute() == {"exact_match": 50.0, "f1": 50.0}
    assert [text for _, text in scores.outputs] == ["d", "g"]


def test_a_threshold_that_is_given_decides_and_a_new_one_is_the_best():
    # "None" beats the answers by 1 - 2 (the lower one of two windows) and by 4 - 1.5.
    none = (1.0, 3.0, 4.0)
    scores = seen(make(threshold=-3.0), none)
    assert scores.compute() == {"exact_match": 50.0, "f1": 50.0}
    assert [text for _, text in scores.outputs] == ["", ""]
    scores = seen(make(), none)
    assert scores.compute() == {"exact_match": 100.0, "f1": 100.0}
    assert -1 < scores.threshold < 2.5
    head = torch.nn.Identity()
    head.register_buffer("null_threshold", torch.tensor(0.0))
    scores.settle(head)
    assert float(head.null_threshold) == pytest.approx(scores.threshold)
