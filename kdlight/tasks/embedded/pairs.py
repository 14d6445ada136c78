"""Kinds with two texts: paraphrase, similarity and inference.

All three ask how two claims relate: the same place, the same aspect, the same polarity. The
words that carry them do not count.
"""

from kdlight.tasks.embedded import grammar
from kdlight.tasks.embedded.draft import Draft, noisy
from kdlight.tasks.embedded.grammar import Claim, Draw

SAME_TOPIC = 0.65
PLACE_WORTH = 1.5
POLARITY_WORTH = 2.0
JITTER = 0.2
TWO_CLAUSES = 0.2

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


def paraphrase(draw: Draw) -> Draft:
    """Returns a row: 1 when both texts make the same claim, else 0."""
    first = grammar.claim(draw)
    second, label = first, 1
    if draw() < 0.5:
        second = grammar.flipped(first) if draw() < 0.5 else grammar.moved(draw, first)
        label = 0
    text_a, text_b = grammar.sentence(draw, first), grammar.sentence(draw, second)
    return Draft(text_a, text_b, noisy(draw, label, 2))


def similarity(draw: Draw) -> Draft:
    """Returns a row with a grade from 0 to 5: the worth of what the two claims share.

    Place and aspect are worth 1.5 each and polarity 2; a jitter of up to 0.4 stands for the
    spread of human judges.
    """
    first = grammar.claim(draw)
    place, aspect, good = first
    if draw() >= SAME_TOPIC:
        place = grammar.other(draw, draw.topics, place)
    if draw() >= SAME_TOPIC:
        aspect = grammar.other(draw, draw.topics, aspect)
    if draw() < 0.5:
        good = 1 - good
    shared = PLACE_WORTH * ((place == first.place) + (aspect == first.aspect))
    grade = shared + POLARITY_WORTH * (good == first.good) + JITTER * (int(draw() * 5) - 2)
    text_a = grammar.sentence(draw, first)
    text_b = grammar.sentence(draw, Claim(place, aspect, good))
    return Draft(text_a, text_b, round(min(5.0, max(0.0, grade)), 1))


def inference(draw: Draw) -> Draft:
    """Returns a row: does the first text entail the second, contradict it, or leave it open?"""
    main = asked = grammar.claim(draw)
    aside = grammar.moved(draw, main)
    double = draw() < TWO_CLAUSES
    text = grammar.contrasted(draw, main, aside) if double else grammar.clause(draw, main).text
    if double and draw() < 0.5:
        asked = aside
    label = int(draw() * 3)
    if label == CONTRADICTION:
        asked = grammar.flipped(asked)
    elif label == NEUTRAL:
        asked = grammar.moved(draw, main)
        while double and asked[:2] == aside[:2]:
            asked = grammar.moved(draw, main)
    premise, hypothesis = grammar.padded(draw, text), grammar.sentence(draw, asked)
    return Draft(premise, hypothesis, noisy(draw, label, 3))
