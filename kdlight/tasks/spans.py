"""Answers at the wrong place in their context: found again, or counted and named."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from kdlight.types import Answer, Example


@dataclass
class Settled:
    """What was met: answers that were moved, answers that were not found, rows left out."""

    moved: int = 0
    nowhere: int = 0
    left_out: list[str] = field(default_factory=list)


def settled(rows: Iterable[Example], split: str, found: Settled) -> Iterator[Example]:
    """The rows with every answer where it says, or with the start -1.

    An answer that is not at its place, but stands once in the context, is moved there. A row of
    train whose answers all stand nowhere cannot be learnt from and is left out; elsewhere it
    stays, since the benchmarks score it by the text of its answers.
    """
    for row in rows:
        answers = tuple(_settled(answer, row.text_b or "", found) for answer in row.answers)
        if split == "train" and answers and all(answer.start < 0 for answer in answers):
            found.left_out.append(row.id)
            continue
        yield row if answers == row.answers else replace(row, answers=answers)


def _settled(answer: Answer, context: str, found: Settled) -> Answer:
    text, start = answer.text, answer.start
    if start >= 0 and context[start : start + len(text)] == text:
        return answer
    if context.count(text) == 1:
        found.moved += 1
        return Answer(text, context.index(text))
    found.nowhere += 1
    return Answer(text, -1)
