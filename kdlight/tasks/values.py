"""The raw values of a row: texts, and what span and choice tasks have beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from kdlight.types import Answer


class RowError(Exception):
    """What is wrong with a row; the reader adds the file and the line."""


class BrokenRowError(RowError):
    """A flaw that official sets are known to have; a task may choose to skip such rows."""


def text(row: Mapping[str, Any], key: str, strip: bool = True) -> str:
    """A text that is not empty; a list of texts, such as turns or keywords, as one.

    Raises:
        RowError: it is missing, empty or no text.
    """
    value = row.get(key)
    if value is None:
        raise BrokenRowError(f"{key} is missing; expected a text")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    if not isinstance(value, str):
        raise RowError(f"{key} is {value!r:.60}; expected a text")
    if not value.strip():
        raise BrokenRowError(f"{key} is empty; expected a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RowError(f"{key} holds half a surrogate pair; expected valid Unicode") from None
    return value.strip() if strip else value


def answers(value: Any) -> tuple[Answer, ...]:
    """The answers of a span row, from any of the forms in which they are written.

    A list of `{text, start}` (also `answer_start`, or plain texts), or the columns
    `{text: [...], answer_start: [...]}` of `datasets`. A start that is not said is -1.

    Raises:
        RowError: it is none of these.
    """
    if isinstance(value, Mapping):
        texts, starts = value.get("text"), value.get("answer_start", value.get("start"))
        if not isinstance(texts, Sequence) or isinstance(texts, str):
            raise RowError(f"answers are {value!r:.60}; expected lists `text` and `answer_start`")
        starts = [-1] * len(texts) if starts is None else starts
        if len(starts) != len(texts):
            raise RowError(f"answers have {len(texts)} texts but {len(starts)} starts")
        value = [{"text": t, "start": s} for t, s in zip(texts, starts, strict=True)]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise RowError(f"answers are {value!r:.60}; expected a list of {{text, start}}")
    return tuple(_answer(entry) for entry in value)


def _answer(entry: Any) -> Answer:
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, Mapping):
        raise RowError(f"answer {entry!r:.60} is no {{text, start}}")
    start = entry.get("start", entry.get("answer_start", -1))
    if not isinstance(start, int) or isinstance(start, bool):
        raise RowError(f"answer starts at {start!r:.60}; expected a number of characters")
    return Answer(text(entry, "text", strip=False), start)


def options(value: Any) -> tuple[str, ...]:
    """The options of a choice row.

    Raises:
        RowError: they are not two texts or more.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < 2:
        raise RowError(f"options are {value!r:.60}; expected a list of two texts or more")
    return tuple(text({"option": option}, "option") for option in value)


def chosen(value: Any, among: Sequence[str]) -> int | None:
    """The number of the right option, from its number or its text; None where it is not known.

    Raises:
        RowError: there is no such option.
    """
    if value is None or value in ("", -1, "-1"):
        return None
    if isinstance(value, str):
        if among.count(value.strip()) == 1:
            return among.index(value.strip())
        value = int(value) if value.isdecimal() and len(value) < 9 else value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(among):
        return value
    raise RowError(
        f"label {value!r:.60} is no option; expected one of them or a number from 0 to "
        f"{len(among) - 1}"
    )
