"""Texts with options as token arrays: each option is read together with its text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from kdlight.data.array_files import ArrayFiles
from kdlight.data.encode import (
    MASK,
    chunks,
    digest,
    template,
    token_type,
    unknown_token,
    write_meta,
)
from kdlight.data.rows import read_rows
from kdlight.types import Example


@dataclass
class Found:
    """What was met on the way."""

    rows: int = 0
    texts_cut: int = 0
    options_cut: int = 0


def encode_choices(
    source: Path,
    out: Path,
    tokenizer: Tokenizer,
    special: Mapping[str, Any],
    max_length: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Found:
    """Tokenises texts and their options into the files of `EncodedRows` with kind `choice`.

    An option, behind the row's second text (a question) if it has one, is the second text of a
    pair. It is cut to half of the room; the first text is cut to what the row's longest option
    leaves, around the `[MASK]` that stands for a gap in it, else at its end.

    Beside the usual files: `options`, the number of each row's first option.
    """
    out.mkdir(parents=True, exist_ok=True)
    width, found = token_type(tokenizer), Found()
    types: dict[str, type] = {"labels": np.float32, "ids": np.int64, "options": np.int64}
    for side in ("a", "b"):
        types |= {f"{side}.ids": width, f"{side}.offsets": np.int64}
    ends = {"a": 0, "b": 0, "options": 0}
    cutter = _Cutter(tokenizer, special, max_length)
    with ArrayFiles(out, types) as files:
        for name in ("a.offsets", "b.offsets", "options"):
            files.append(name, [0])
        for chunk in chunks(read_rows(source)):
            for row, text, options in cutter.cut(chunk, found):
                ends["a"] += len(text)
                ends["options"] += len(options)
                offsets = ends["b"] + np.cumsum([len(option) for option in options])
                ends["b"] = int(offsets[-1])
                files.append("a.ids", text)
                files.append("a.offsets", [ends["a"]])
                files.append("b.ids", np.concatenate(options))
                files.append("b.offsets", offsets)
                files.append("options", [ends["options"]])
                files.append("labels", [np.nan if row.label is None else row.label])
                files.append("ids", [digest(row.id)])
            advance(len(chunk))
    about = {"pair": True, "max_length": max_length, "kind": "choice"}
    write_meta(source, out, tokenizer, special["pad"], about)
    return found


class _Cutter:
    """Tokenises texts and options and cuts them to what fits."""

    def __init__(self, tokenizer: Tokenizer, special: Mapping[str, Any], max_length: int) -> None:
        self.tokenizer, self.mask = tokenizer, special["mask"]
        self.room = max_length - template(tokenizer, special["pad"]).extra_pair
        self.unknown = unknown_token(tokenizer)
        self.gap = tokenizer.token_to_id(self.mask) if self.mask else None

    def cut(
        self, rows: list[Example], found: Found
    ) -> list[tuple[Example, list[int], list[list[int]]]]:
        """Rows with the tokens of their texts and options."""
        texts = self._encode([row.text_a for row in rows])
        joined = [
            " ".join(filter(None, (row.text_b, option))) for row in rows for option in row.options
        ]
        options = iter(self._encode(joined))
        made = []
        for row, text in zip(rows, texts, strict=True):
            own = [next(options) for _ in row.options]
            found.options_cut += sum(len(option) > self.room // 2 for option in own)
            own = [option[-(self.room // 2) :] for option in own]
            room = self.room - max(map(len, own))
            found.texts_cut += len(text) > room
            start = self._start(text, room)
            made.append((row, text[start : start + room], own))
            found.rows += 1
        return made

    def _start(self, text: list[int], room: int) -> int:
        """Where the part of a text that is kept begins."""
        if self.gap is None or self.gap not in text:
            return 0
        return max(0, min(text.index(self.gap) - room // 2, len(text) - room))

    def _encode(self, texts: list[str]) -> list[list[int]]:
        if self.mask != MASK:
            texts = [text.replace(MASK, self.mask or "") for text in texts]
        encoded = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [e.ids or self.unknown for e in encoded]
