"""Kinds that ask about a text: span and choice."""

from kdlight.tasks.embedded import grammar, lexicon
from kdlight.tasks.embedded.draft import Draft
from kdlight.tasks.embedded.grammar import Claim, Clause, Draw, pick
from kdlight.types import Answer

SENTENCES = 3
UNANSWERABLE = 0.2


def story(draw: Draw) -> tuple[list[Claim], list[Clause], list[str]]:
    """Returns claims about different topics, the clauses that say them and their sentences."""
    claims: list[Claim] = []
    while len(claims) < SENTENCES:
        found = grammar.claim(draw)
        if all(found[:2] != known[:2] for known in claims):
            claims.append(found)
    clauses = [grammar.clause(draw, said, copular=True) for said in claims]
    return claims, clauses, [grammar.padded(draw, said.text) for said in clauses]


def how_question(draw: Draw, topic: Claim) -> str:
    """Asks for the opinion about an aspect of a place, by either of their names."""
    verb = lexicon.COPULAS[topic.aspect in lexicon.PLURAL_ASPECTS][0]
    aspect = pick(draw, lexicon.ASPECTS[topic.aspect])
    return f"how {verb} the {aspect} of the {pick(draw, lexicon.PLACES[topic.place])} ?"


def untold(draw: Draw, claims: list[Claim]) -> Claim:
    """Returns a claim about a topic that no claim touches, near one of them."""
    while True:
        found = grammar.moved(draw, pick(draw, claims))
        if all(found[:2] != known[:2] for known in claims):
            return found


def span(draw: Draw) -> Draft:
    """Returns a question, its context and the answer; one question in five has none."""
    claims, clauses, sentences = story(draw)
    if draw() < UNANSWERABLE:
        question = how_question(draw, untold(draw, claims))
        return Draft(question, " ".join(sentences), label=0)
    return asked(draw, claims, clauses, sentences)


def answerable(draw: Draw) -> Draft:
    """Returns a question, its context and the answer, which is always there."""
    return asked(draw, *story(draw))


def asked(draw: Draw, claims: list[Claim], clauses: list[Clause], sentences: list[str]) -> Draft:
    """Returns a row that asks about one of the sentences.

    A question asks how something was (the answer is the opinion) or what was so (the answer is
    the subject). The latter is asked only when one clause alone holds the opinion.
    """
    context = " ".join(sentences)
    at = int(draw() * SENTENCES)
    said = clauses[at]
    before = sum(len(text) + 1 for text in sentences[:at])
    start = before + sentences[at].index(said.text)
    alone = sum(clause.word == said.word for clause in clauses) == 1
    if alone and draw() < 0.5:
        answer = Answer(said.subject, start + said.text.index(f"{said.subject} "))
        return Draft(f"what was {said.predicate} ?", context, 1, (answer,))
    answer = Answer(said.predicate, start + len(said.text) - len(said.predicate))
    return Draft(how_question(draw, claims[at]), context, 1, (answer,))


def choice(draw: Draw) -> Draft:
    """Returns a statement with a gap and four words, one of which says the same again.

    The words are both sides of two axes, so that the options alone tell nothing.
    """
    topic = grammar.claim(draw)
    said = grammar.clause(draw, topic)
    far = grammar.other(draw, len(draw.sides[0]), said.axis)
    right = said.word
    while right == said.word:
        right = pick(draw, draw.sides[topic.good][said.axis])
    wrong = [
        pick(draw, draw.sides[1 - topic.good][said.axis]),
        pick(draw, draw.sides[0][far]),
        pick(draw, draw.sides[1][far]),
    ]
    options: list[str] = []
    for word in (right, *wrong):
        options.insert(int(draw() * (len(options) + 1)), word)
    lead = pick(draw, lexicon.LEADS)
    text = f"{grammar.padded(draw, said.text)} {lead} {lexicon.GAP} ."
    return Draft(text, label=options.index(right), options=tuple(options))
