"""The embedded language in other signs: two characters a word, and nothing in between.

It stands in Chinese's place where nothing can be downloaded: what a word is must be learnt from
characters. Grammar and meanings are those of the embedded tasks.
"""

from dataclasses import replace
from functools import cache

from kdlight.tasks.embedded.lexicon import vocabulary
from kdlight.types import Answer, Example

FIRST = "天地人日月水火山石田土木金雨風雲花草魚鳥馬"
SECOND = "牛羊門車舟刀弓手足口目耳心力工大小上下中文"
MARKS = {",": "，", ".": "。", "?": "？"}


def in_signs(row: Example) -> Example:
    """A row in the other script; answers keep their places."""
    return replace(
        row,
        text_a=signs(row.text_a),
        text_b=None if row.text_b is None else signs(row.text_b),
        answers=tuple(_moved(answer, row.text_b or "") for answer in row.answers),
        options=tuple(signs(option) for option in row.options),
    )


def signs(text: str) -> str:
    """A text of the embedded language in the other script.

    Raises:
        KeyError: for a word that is not in the lexicon.
    """
    return "".join(_dictionary()[word] for word in text.split())


def _moved(answer: Answer, context: str) -> Answer:
    return Answer(signs(answer.text), len(signs(context[: answer.start])))


@cache
def _dictionary() -> dict[str, str]:
    """Every word's two signs, in the order of the lexicon; marks are one."""
    words = [word for word in vocabulary() if word not in MARKS]
    return MARKS | {
        word: FIRST[number // len(SECOND)] + SECOND[number % len(SECOND)]
        for number, word in enumerate(words)
    }
