"""From what is claimed to a sentence that says so.

A claim is the latent meaning: at this place, this aspect is good or is bad. Which words say it
(axis, synonym, negation, word order, padding) is free, and no label of a pair depends on it.
Only `random()` of the generator is used, which Python keeps the same in every version.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeVar

from kdlight.tasks.embedded import lexicon

T = TypeVar("T")

NEGATED = 0.2
DEGREE = 0.25
KEEP_PATTERN = 0.3
FRONTED_PATTERN = 0.2
FILLER = 0.25

FULL = (len(lexicon.AXES), len(lexicon.WORD_COUNTS), len(lexicon.PLACES))
"""How many axes there are, words on each side of one, and places; as many aspects as places."""


class Draw:
    """Random numbers from 0 to below 1, and the opinion words that they choose from.

    Args:
        name: decides the numbers.
        size: how many axes of the lexicon are used, how many words on each side of one, and (all
            where that is left out) how many places and aspects.

    Attributes:
        topics: how many places there are, and how many aspects.
        sides: the dark words of each axis, then the bright ones, repeated by how often they are
            drawn.
    """

    def __init__(self, name: str, size: Sequence[int] = FULL) -> None:
        self._random = Random(name).random
        axes, words, self.topics = (*size, *FULL[len(size) :])
        counts = lexicon.WORD_COUNTS[:words]
        self.sides = tuple(
            tuple(
                tuple(w for w, n in zip(axis[side], counts, strict=False) for _ in range(n))
                for axis in lexicon.AXES[:axes]
            )
            for side in (1, 0)
        )

    def __call__(self) -> float:
        """The next number."""
        return self._random()


class Claim(NamedTuple):
    """At `place`, `aspect` is good (1) or bad (0): numbers into the lexicon."""

    place: int
    aspect: int
    good: int


class Clause(NamedTuple):
    """A rendered claim, with the phrases that a question may ask for."""

    text: str
    subject: str
    predicate: str
    word: str
    axis: int
    bright: int


def pick(draw: Draw, items: Sequence[T]) -> T:
    """Returns one item, each equally likely."""
    return items[int(draw() * len(items))]


def other(draw: Draw, count: int, taken: int) -> int:
    """Returns a number below `count` that is not `taken`."""
    found = int(draw() * (count - 1))
    return found + (found >= taken)


def claim(draw: Draw) -> Claim:
    """Returns a claim, all equally likely."""
    return Claim(int(draw() * draw.topics), int(draw() * draw.topics), int(draw() * 2))


def moved(draw: Draw, start: Claim) -> Claim:
    """Returns a claim of free polarity about another place or another aspect."""
    good = int(draw() * 2)
    if draw() < 0.5:
        return Claim(other(draw, draw.topics, start.place), start.aspect, good)
    return Claim(start.place, other(draw, draw.topics, start.aspect), good)


def flipped(start: Claim) -> Claim:
    """Returns the claim that says the opposite."""
    return Claim(start.place, start.aspect, 1 - start.good)


def opinion(draw: Draw, bright: int) -> tuple[int, str]:
    """Returns an axis and one of its words on the asked side."""
    axis = int(draw() * len(draw.sides[bright]))
    return axis, pick(draw, draw.sides[bright][axis])


def copula_predicate(draw: Draw, word: str, negated: bool) -> str:
    """Returns the words after a linking verb."""
    if negated:
        return f"{pick(draw, lexicon.COPULA_NEGATIONS)} {word}"
    return f"{pick(draw, lexicon.DEGREES)} {word}" if draw() < DEGREE else word


def clause(draw: Draw, said: Claim, copular: bool = False) -> Clause:
    """Says a claim in one clause.

    Args:
        draw: Gives numbers from 0 to below 1.
        said: What the clause means.
        copular: Whether to use patterns with a linking verb only.
    """
    negated = draw() < NEGATED
    bright = said.good ^ negated
    axis, word = opinion(draw, bright)
    place = pick(draw, lexicon.PLACES[said.place])
    aspect = pick(draw, lexicon.ASPECTS[said.aspect])
    pattern = draw()
    if pattern < KEEP_PATTERN and not copular:
        verb = pick(draw, lexicon.KEEP_VERBS)
        if negated:
            verb = f"{pick(draw, lexicon.VERB_NEGATIONS)} {verb}"
        text = f"the {place} {verb} its {aspect} {word}"
        return Clause(text, f"its {aspect}", word, word, axis, bright)
    verbs = lexicon.COPULAS[said.aspect in lexicon.PLURAL_ASPECTS]
    verb = verbs[0] if negated else pick(draw, verbs)
    predicate = copula_predicate(draw, word, negated)
    if pattern > 1 - FRONTED_PATTERN:
        subject = f"the {aspect}"
        text = f"at the {place} {subject} {verb} {predicate}"
    else:
        subject = f"the {aspect} of the {place}"
        text = f"{subject} {verb} {predicate}"
    return Clause(text, subject, predicate, word, axis, bright)


def padded(draw: Draw, text: str) -> str:
    """Adds an opening and a closing phrase to a sentence, each now and then, and a full stop."""
    if draw() < FILLER:
        text = f"{pick(draw, lexicon.OPENERS)} {text}"
    if draw() < FILLER:
        return f"{text} {pick(draw, lexicon.CLOSERS)} ."
    return f"{text} ."


def sentence(draw: Draw, said: Claim, copular: bool = False) -> str:
    """Says a claim in a whole sentence."""
    return padded(draw, clause(draw, said, copular).text)


def contrasted(draw: Draw, main: Claim, aside: Claim) -> str:
    """Says two claims in one sentence; `main` is the one that counts.

    Claims that agree are joined by "and". When they differ, "but" or "although" shows which one
    counts, and that one comes last.
    """
    first, second = clause(draw, main).text, clause(draw, aside).text
    if main.good == aside.good:
        return f"{first} and {second}"
    return f"{second} , but {first}" if draw() < 0.5 else f"although {second} , {first}"
