"""Kinds with one text: sentiment and acceptability, and plain text."""

from kdlight.tasks.embedded import grammar
from kdlight.tasks.embedded.draft import Draft, noisy
from kdlight.tasks.embedded.grammar import Draw, pick

TWO_CLAUSES = 0.3
ECHO = 0.3
BROKEN = 0.4

SWAPPED = {"was": "were", "were": "was"}


def opinionated(draw: Draw) -> tuple[str, int]:
    """Returns a sentence of one or two clauses and whether it speaks well of its subject."""
    main = grammar.claim(draw)
    if draw() < TWO_CLAUSES:
        text = grammar.contrasted(draw, main, grammar.moved(draw, main))
        return grammar.padded(draw, text), main.good
    return grammar.sentence(draw, main), main.good


def sentiment(draw: Draw) -> Draft:
    """Returns a row: 1 when what counts in the sentence is positive, else 0."""
    text, good = opinionated(draw)
    return Draft(text, label=noisy(draw, good, 2))


def broken(draw: Draw, text: str) -> str:
    """Returns a sentence with one fault: agreement, word order, a lost or a doubled word."""
    words = text.split()
    verbs = [place for place, word in enumerate(words) if word in SWAPPED]
    the = pick(draw, [place for place, word in enumerate(words) if word == "the"][-2:])
    fault = draw()
    if fault < 0.4 and verbs:
        words[verbs[0]] = SWAPPED[words[verbs[0]]]
    elif fault < 0.6:
        words[the], words[the + 1] = words[the + 1], words[the]
    elif fault < 0.8:
        del words[the]
    else:
        words.insert(the, "the")
    return " ".join(words)


def acceptability(draw: Draw) -> Draft:
    """Returns a row: 1 for a well-formed sentence, 0 for one with a fault in it."""
    clause = grammar.clause(draw, grammar.claim(draw), copular=True).text
    if draw() < BROKEN:
        return Draft(grammar.padded(draw, broken(draw, clause)), label=noisy(draw, 0, 2))
    return Draft(grammar.padded(draw, clause), label=noisy(draw, 1, 2))


def plain(draw: Draw) -> Draft:
    """Returns a sentence without label; in some, a second word of the same side backs the first.

    The doubled opinion is what lets a masked language model learn the sides of the axes.
    """
    if draw() >= ECHO:
        return Draft(opinionated(draw)[0])
    said = grammar.clause(draw, grammar.claim(draw))
    word = pick(draw, draw.sides[said.bright][said.axis])
    tail = "" if word == said.word else f" and {word}"
    return Draft(grammar.padded(draw, f"{said.text}{tail}"))
