"""Rows of JSON Lines files and of plain text, one a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdlight.tasks.lines import numbered_lines
from kdlight.types import UserError


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) for every line that is not blank."""
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{path}, line {number}: not a whole JSON object ({error}); "
                'expected {"text_a": …, "text_b": …, "label": …} on one line'
            ) from None
        if not isinstance(row, dict):
            raise UserError(
                f"{path}, line {number}: JSON, but not an object; "
                'expected {"text_a": …, "text_b": …, "label": …}'
            )
        yield number, row


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's values by key; a key that stands twice would have two meanings."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r:.60} stands twice")
    return found


def text_rows(path: Path, pair: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, row) for every line that is not blank: a text, or two and a tab."""
    for number, line in numbered_lines(path):
        texts = line.split("\t") if pair else [line]
        if not line.strip():
            continue
        if len(texts) != 1 + pair:
            raise UserError(
                f"{path}, line {number}: {len(texts)} texts; expected two with a tab between them"
            )
        yield number, dict(zip(("text_a", "text_b"), texts, strict=False))
