"""From text to token arrays: one pass over the rows, flat arrays out."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from kdlight.data.array_files import ArrayFiles
from kdlight.data.encoded import Template
from kdlight.data.rows import CHUNK, read_rows
from kdlight.types import Example, UserError

MASK = "[MASK]"  # as augmenters write it, whatever the tokenizer calls it


@dataclass
class Found:
    """What was met on the way: the rows, and those of them that do not fit whole."""

    rows: int = 0
    rows_cut: int = 0


def load_tokenizer(folder: Path) -> Tokenizer:
    """The fast tokenizer of a folder, without its own truncation and padding."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def template(tokenizer: Tokenizer, pad: int) -> Template:
    """How the tokenizer joins a pair, read off an encoded pair."""
    pair = tokenizer.encode("a", "b")
    owner = pair.sequence_ids
    first = [i for i, o in enumerate(owner) if o == 0]
    second = [i for i, o in enumerate(owner) if o == 1]
    if not first or not second:
        raise UserError("The tokenizer turns plain letters into nothing; it cannot be used.")
    ids = pair.ids
    return Template(
        pad=pad,
        prefix=tuple(ids[: first[0]]),
        middle=tuple(ids[first[-1] + 1 : second[0]]),
        suffix=tuple(ids[second[-1] + 1 :]),
        second_type=pair.type_ids[second[0]],
    )


def encode_rows(
    source: Path,
    out: Path,
    tokenizer: Tokenizer,
    special: Mapping[str, Any],
    max_length: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Found:
    """Tokenises the rows of an Arrow file into the files that `EncodedRows` reads.

    Texts are cut at `max_length` tokens each; a text without any token becomes the unknown
    token, so that no network ever sees an empty text. `special` names the padding id (`pad`)
    and the mask token (`mask`), which takes the place of `[MASK]` in the text. `advance` is
    called with the number of rows done. A row counts as cut where its texts, joined, are longer
    than `max_length` with the tokens around them.
    """
    pad = special["pad"]
    out.mkdir(parents=True, exist_ok=True)
    first = next(read_rows(source), None)
    pair = first is not None and first.text_b is not None
    sides = ("a", "b") if pair else ("a",)
    types: dict[str, type] = {"labels": np.float32, "copies": np.bool_, "ids": np.int64}
    for side in sides:
        types |= {f"{side}.ids": token_type(tokenizer), f"{side}.offsets": np.int64}
    joined = template(tokenizer, pad)
    room = max_length - (joined.extra_pair if pair else joined.extra_single)
    ends, found = dict.fromkeys(sides, 0), Found()
    with ArrayFiles(out, types) as files:
        for side in sides:
            files.append(f"{side}.offsets", [0])
        for chunk in chunks(read_rows(source)):
            whole = np.zeros(len(chunk), dtype=np.int64)
            for side in sides:
                texts = [_text(row, side, special["mask"]) for row in chunk]
                tokens, lengths = _encode(tokenizer, texts, max_length)
                whole += lengths
                offsets = ends[side] + np.cumsum([len(t) for t in tokens])
                ends[side] = int(offsets[-1])
                files.append(f"{side}.offsets", offsets)
                files.append(f"{side}.ids", np.concatenate(tokens))
            known = [np.nan if row.label is None else row.label for row in chunk]
            files.append("labels", known)
            files.append("copies", [row.parent is not None for row in chunk])
            files.append("ids", [digest(row.id) for row in chunk])
            found.rows += len(chunk)
            found.rows_cut += int(np.count_nonzero(whole > room))
            advance(len(chunk))
    write_meta(source, out, tokenizer, pad, {"pair": pair, "max_length": max_length})
    return found


def token_type(tokenizer: Tokenizer) -> type:
    """The smallest type that holds its tokens."""
    return np.uint16 if tokenizer.get_vocab_size() <= 65536 else np.uint32


def unknown_token(tokenizer: Tokenizer) -> list[int]:
    """What stands for a text without any token."""
    return tokenizer.encode("\u2047\ue000", add_special_tokens=False).ids[:1] or [0]


def write_meta(
    source: Path, out: Path, tokenizer: Tokenizer, pad: int, about: Mapping[str, Any]
) -> None:
    """Writes what `EncodedRows` has to know of its arrays: `about`, and how texts are joined."""
    joined = template(tokenizer, pad)
    meta = {
        **about,
        "rows": os.path.relpath(source, out),
        "vocabulary": tokenizer.get_vocab_size(),
        "pad": pad,
        "prefix": joined.prefix,
        "middle": joined.middle,
        "suffix": joined.suffix,
        "second_type": joined.second_type,
    }
    (out / "meta.json").write_text(json.dumps(meta))


def digest(example_id: str) -> int:
    """A signed 64-bit digest of an example id."""
    raw = hashlib.blake2b(example_id.encode(), digest_size=8).digest()
    return int.from_bytes(raw, "little", signed=True)


def chunks(rows: Iterator[Example]) -> Iterator[list[Example]]:
    """The rows in lists that are looked at together."""
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _text(row: Example, side: str, mask: str | None) -> str:
    text = row.text_a if side == "a" else row.text_b or ""
    return text if mask == MASK else text.replace(MASK, mask or "")


def _encode(
    tokenizer: Tokenizer, texts: list[str], max_length: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Tokens of each text, cut, and how many there were."""
    unknown = unknown_token(tokenizer)
    encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    tokens = [np.array(e.ids[:max_length] or unknown) for e in encoded]
    return tokens, np.array([len(e) for e in encoded])
