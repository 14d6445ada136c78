"""The embedded language in Chinese characters: one a word, and nothing in between.

It stands in Chinese's place where nothing can be downloaded. Grammar and meanings are those of the
embedded tasks; which character stands for which word has nothing to do with Chinese.
"""

from dataclasses import replace
from functools import cache

from kdlight.tasks.embedded.lexicon import vocabulary
from kdlight.types import Answer, Example

FIRST = 0x4E00  # of the characters
MARKS = {",": "，", ".": "。", "?": "？"}


def in_characters(row: Example) -> Example:
    """A row in the other script; answers keep their places."""
    return replace(
        row,
        text_a=characters(row.text_a),
        text_b=None if row.text_b is None else characters(row.text_b),
        answers=tuple(_moved(answer, row.text_b or "") for answer in row.answers),
        options=tuple(characters(option) for option in row.options),
    )


def characters(text: str) -> str:
    """A text of the embedded language in the other script.

    Raises:
        KeyError: for a word that is not in the lexicon.
    """
    return "".join(_dictionary()[word] for word in text.split())


def _moved(answer: Answer, context: str) -> Answer:
    return Answer(characters(answer.text), len(characters(context[: answer.start])))


@cache
def _dictionary() -> dict[str, str]:
    """Every word's character, in the order of the lexicon."""
    words = [word for word in vocabulary() if word not in MARKS]
    return MARKS | {word: chr(FIRST + number) for number, word in enumerate(words)}
