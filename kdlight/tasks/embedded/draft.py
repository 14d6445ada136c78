"""What a kind makes: a row that is not yet placed in a split."""

from typing import NamedTuple

from kdlight.tasks.embedded.grammar import Draw, other
from kdlight.types import Answer

LABEL_NOISE = 0.03


class Draft(NamedTuple):
    """The content of a row; the fields are those of `Example`."""

    text_a: str
    text_b: str | None = None
    label: int | float | None = None
    answers: tuple[Answer, ...] = ()
    options: tuple[str, ...] = ()

    def key(self) -> str:
        """Returns what tells this row from all others, its label aside."""
        if self.text_b is None:
            return "\n".join((self.text_a, *sorted(self.options)))
        return f"{self.text_a}\n{self.text_b}"


def noisy(draw: Draw, label: int, classes: int) -> int:
    """Returns the label, or now and then a wrong one, as an annotator's slip would."""
    return other(draw, classes, label) if draw() < LABEL_NOISE else label
