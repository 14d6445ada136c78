"""Questions with their contexts as token arrays: a long context becomes overlapping windows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from kdlight.data.array_files import ArrayFiles
from kdlight.data.encode import (
    chunks,
    digest,
    template,
    token_type,
    unknown_token,
    write_meta,
)
from kdlight.data.rows import read_rows
from kdlight.types import Example

Ends = tuple[int, int]
UNKNOWN: tuple[float, float] = (float("nan"), float("nan"))
NONE: tuple[float, float] = (0.0, 0.0)


@dataclass
class Found:
    """What was met on the way: counts, and the ids of rows that cannot be learnt from."""

    rows: int = 0
    windows: int = 0
    longer_than_a_window: int = 0
    questions_cut: int = 0
    windows_that_cut_an_answer: int = 0
    without_a_whole_answer: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `start` to `stop` of a context, and the label."""

    start: int
    stop: int
    label: tuple[float, float]


def encode_spans(
    source: Path,
    out: Path,
    tokenizer: Tokenizer,
    special: Mapping[str, Any],
    max_length: int,
    stride: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Found:
    """Tokenises questions and contexts into windows, the files of `EncodedRows` with kind `span`.

    Windows start `stride` tokens apart, or half of what fits if that is less, so that they always
    overlap. A question is cut to half of the room. The label of a window is where the first of
    its answers that lies in it as a whole starts and ends; it is (0, 0) if the window touches no
    answer, and unknown where its border cuts one, so that nothing wrong is learnt there.

    Beside the usual files: `examples`, `context` and `characters` (see `Windows`).
    """
    out.mkdir(parents=True, exist_ok=True)
    width = token_type(tokenizer)
    types: dict[str, type] = {"labels": np.float32, "ids": np.int64, "examples": np.int64}
    types |= {"context": np.int32, "characters": np.int32}
    for side in ("a", "b"):
        types |= {f"{side}.ids": width, f"{side}.offsets": np.int64}
    cutter = _Cutter(tokenizer, special["pad"], max_length, stride)
    ends = {"a": 0, "b": 0}
    with ArrayFiles(out, types) as files:
        for side in ends:
            files.append(f"{side}.offsets", [0])
        for chunk in chunks(read_rows(source)):
            questions = tokenizer.encode_batch_fast(
                [row.text_a for row in chunk], add_special_tokens=False
            )
            texts = list({row.text_b or "": None for row in chunk})  # asked about many times
            encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
            contexts = dict(zip(texts, map(cutter.context, encoded), strict=True))
            for row, question in zip(chunk, questions, strict=True):
                _write(files, cutter, ends, row, question, contexts[row.text_b or ""])
            advance(len(chunk))
    write_meta(
        source, out, tokenizer, special["pad"],
        {"pair": True, "max_length": max_length, "kind": "span"},
    )  # fmt: skip
    return cutter.found


def _write(
    files: ArrayFiles,
    cutter: "_Cutter",
    ends: dict[str, int],
    row: Example,
    question: Encoding,
    context: tuple[list[int], np.ndarray],
) -> None:
    """Appends the windows of one example."""
    asked = cutter.question(question)
    tokens, characters = context
    first = cutter.before + len(asked)
    for number, window in enumerate(cutter.windows(row, len(asked), characters)):
        size = window.stop - window.start
        ends["a"], ends["b"] = ends["a"] + len(asked), ends["b"] + size
        files.append("a.ids", asked)
        files.append("a.offsets", [ends["a"]])
        files.append("b.ids", tokens[window.start : window.stop])
        files.append("b.offsets", [ends["b"]])
        files.append("characters", characters[window.start : window.stop].ravel())
        files.append("context", [first, first + size])
        files.append("labels", window.label)
        files.append("examples", [cutter.found.rows])
        files.append("ids", [digest(f"{row.id}#{number}")])
    cutter.found.rows += 1


class _Cutter:
    """Cuts contexts into windows and says where the answers are, counting what it meets."""

    def __init__(self, tokenizer: Tokenizer, pad: int, max_length: int, stride: int) -> None:
        joined = template(tokenizer, pad)
        self.unknown = unknown_token(tokenizer)
        self.before = len(joined.prefix) + len(joined.middle)
        self.room = max_length - joined.extra_pair
        self.stride, self.found = stride, Found()

    def question(self, question: Encoding) -> list[int]:
        """Its tokens, at most half of the room."""
        tokens: list[int] = question.ids or self.unknown
        self.found.questions_cut += len(tokens) > self.room // 2
        return tokens[: self.room // 2]

    def context(self, context: Encoding) -> tuple[list[int], np.ndarray]:
        """Its tokens, and where each starts and ends in the text, [tokens 2]."""
        places = np.array(context.offsets or [(0, 0)], dtype=np.int32).reshape(-1, 2)
        return context.ids or self.unknown, places

    def windows(self, row: Example, asked: int, characters: np.ndarray) -> Iterator[Window]:
        """The windows of a context, in their order."""
        count, room = len(characters), self.room - asked
        step = max(1, min(self.stride, room // 2))
        answers = [found for a in row.answers if (found := _tokens(characters, a.start, a.text))]
        starts = range(0, max(1, count - room + step), step)
        self.found.windows += len(starts)
        self.found.longer_than_a_window += len(starts) > 1
        # An answer that stands nowhere, or in no token, may be meant anywhere.
        lost = row.label is None or len(answers) < len(row.answers)
        whole = False
        for start in starts:
            stop = min(start + room, count)
            inside = [a for a in answers if start <= a[0] and a[1] < stop]
            touched = [a for a in answers if a[0] < stop and start <= a[1]]
            whole = whole or bool(inside)
            self.found.windows_that_cut_an_answer += bool(touched) and not inside
            base = self.before + asked - start
            yield Window(start, stop, _label(lost, inside, touched, base))
        if row.label == 1 and not whole:
            self.found.without_a_whole_answer.append(row.id)


def _label(lost: bool, inside: list[Ends], touched: list[Ends], base: int) -> tuple[float, float]:
    if inside:
        return (base + inside[0][0], base + inside[0][1])
    return UNKNOWN if lost or touched else NONE


def _tokens(characters: np.ndarray, start: int, text: str) -> Ends | None:
    """The first and the last token of an answer; None where it is not in the context."""
    if start < 0:
        return None
    real = characters[:, 1] > characters[:, 0]
    reached = real & (characters[:, 1] > start) & (characters[:, 0] < start + len(text))
    places = np.flatnonzero(reached)
    return (int(places[0]), int(places[-1])) if len(places) else None
