"""Stage: the tokenizer: a pretrained folder's, one made from text, or the embedded lexicon's."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdlight.data.pieces import SPECIAL, make_vocabulary
from kdlight.tasks.corpus import corpus_lines
from kdlight.tasks.embedded.lexicon import vocabulary
from kdlight.types import StageSpec, UserError

log = logging.getLogger("kdlight")


def run(spec: StageSpec) -> None:
    """Writes `tokenizer.json` and `special.json` (padding id, mask token, size)."""
    out, folder = Path(spec.out), spec.runtime["pretrained"]
    if "made" in spec.config:
        tokenizer = _made(spec)
    else:
        tokenizer = _pretrained(folder) if folder else _embedded()
    if tokenizer.pad_token_id is None:
        raise UserError(f"The tokenizer of {folder} has no padding token; it cannot be used.")
    tokenizer.save_pretrained(out)
    if not (out / "tokenizer.json").exists():
        raise UserError(f"The tokenizer of {folder} has no fast (tokenizer.json) form.")
    special = {"pad": tokenizer.pad_token_id, "mask": tokenizer.mask_token, "size": len(tokenizer)}
    (out / "special.json").write_text(json.dumps(special))


def _pretrained(folder: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of half a dozen libraries
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"The tokenizer of {folder} cannot be loaded ({reason}).") from error


def _made(spec: StageSpec) -> Any:
    """A BERT tokenizer whose pieces come from the corpus."""
    made, lowercase = spec.config["made"], spec.config["made"]["lowercase"]

    def read() -> Iterator[str]:
        return corpus_lines(spec.config["corpus"], spec.runtime["corpus"])

    pieces = make_vocabulary(made["kind"], read, made["size"], lowercase)
    log.info("Tokenizer: %d %s, of %d asked for", len(pieces), made["kind"], made["size"])
    return _bert(pieces, lowercase)


def _embedded() -> Any:
    """A BERT tokenizer whose pieces are the words and letters of the embedded lexicon."""
    words = {word.lower() for word in vocabulary()}
    letters = sorted(set("".join(words)) | set("abcdefghijklmnopqrstuvwxyz0123456789.,?!'-"))
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    pieces += sorted(words - set(pieces))
    return _bert(pieces)


def _bert(pieces: list[str], lowercase: bool = True) -> Any:
    from transformers import BertTokenizer

    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return BertTokenizer(vocab=vocabulary, do_lower_case=lowercase)
