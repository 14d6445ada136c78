"""Stage: the table that a student's embeddings start from, made once for all seeds."""

import json
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kdlight.data.encode import MASK, load_tokenizer
from kdlight.data.vectors import read_vectors
from kdlight.data.words import SPECIAL
from kdlight.models.build import load_teacher, word_embeddings
from kdlight.models.pretrained import load_encoder
from kdlight.types import StageSpec, UserError

log = logging.getLogger("kdlight")


def run(spec: StageSpec) -> None:
    """Writes `table.npy`, [tokens width]; the rows of tokens that have no vector are NaN."""
    table = _from_vectors(spec) if spec.config["start"] == "vectors" else _from_encoder(spec)
    known = int(np.isfinite(table[:, 0]).sum())
    of = f"{known:,} of {len(table):,} tokens ({known / len(table):.1%})"
    log.info("%s: %s have a vector, the others start at random", spec.runtime["title"], of)
    if known == 0:
        raise UserError(
            f"No token of the student is in the vector file {spec.runtime['path']}: is it in "
            "another language, or are the student's tokens no words (student/tokenizer=words)?"
        )
    np.save(Path(spec.out) / "table.npy", table.astype(np.float32))


def _from_encoder(spec: StageSpec) -> NDArray:
    """The teacher's own rows; for other tokens the mean of the teacher's tokens in each."""
    own, theirs = Path(spec.inputs["tokenizer"]), Path(spec.inputs["teacher_tokenizer"])
    if "teacher" in spec.inputs:
        encoder = load_teacher(Path(spec.inputs["teacher"])).encoder
    else:
        encoder = load_encoder(Path(spec.runtime["path"]), "mean")
    table: NDArray = word_embeddings(encoder).numpy()
    if own == theirs:
        return table[: _special(own)["size"]]  # a table may have spare rows behind the last token
    # A word behind a space, as it stands in a text; nothing for the padding and the unknown.
    special = dict.fromkeys(SPECIAL, "") | {MASK: _special(theirs)["mask"] or ""}
    texts = [special.get(word, f" {word}") for word in _words(load_tokenizer(own))]
    pieces = load_tokenizer(theirs).encode_batch_fast(texts, add_special_tokens=False)
    nothing = np.full(table.shape[1], np.nan)
    return np.stack([table[p.ids].mean(axis=0) if p.ids else nothing for p in pieces])


def _from_vectors(spec: StageSpec) -> NDArray:
    words = _words(load_tokenizer(Path(spec.inputs["tokenizer"])))
    found = read_vectors(Path(spec.runtime["path"]), words, Path(spec.out))
    width = len(next(iter(found.values()))) if found else 1
    nothing = np.full(width, np.nan)
    return np.stack([found.get(word, nothing) for word in words])


def _words(tokenizer: Tokenizer) -> list[str]:
    """Each token as it stands in a text."""
    ids = range(tokenizer.get_vocab_size())
    return [tokenizer.decode([i], skip_special_tokens=False).strip() for i in ids]


def _special(folder: Path) -> dict:
    special: dict = json.loads((folder / "special.json").read_text())
    return special
