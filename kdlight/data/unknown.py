"""How much of a text a tokenizer does not know: one that does not fit is told, not learnt from."""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kdlight.types import UserError

log = logging.getLogger("kdlight")
NAMES = ("[UNK]", "<unk>")
WARNED, REFUSED = 0.05, 0.5
THEIRS = (
    "take a teacher of its language (teacher.pretrained=), or have a tokenizer made from it "
    "('teacher.tokenizer={kind: characters, size: 6000, lowercase: true}')"
)
OWN = "take its teacher's (student/tokenizer=pieces) or rarer words (student.tokenizer.min_count=1)"
AT_ONCE = 1 << 22  # tokens in memory


def unknown_share(arrays: Iterable[Path], tokenizer: Tokenizer) -> float:
    """Share of the unknown token in flat arrays of tokens, the tokenizer's marks left out.

    It is 0 if the tokenizer has no unknown token.
    """
    names = (getattr(tokenizer.model, "unk_token", None), *NAMES)
    known = (tokenizer.token_to_id(name) for name in names if name)
    unknown = next((number for number in known if number is not None), None)
    if unknown is None:
        return 0.0
    size = max(tokenizer.get_vocab().values()) + 1
    counts = np.zeros(size, dtype=np.int64)
    for path in arrays:
        ids: NDArray = np.load(path, mmap_mode="r")
        for start in range(0, len(ids), AT_ONCE):
            counts += np.bincount(ids[start : start + AT_ONCE], minlength=size)
    added = tokenizer.get_added_tokens_decoder().items()
    marks = [number for number, token in added if token.special and number != unknown]
    counts[marks] = 0
    return float(counts[unknown] / counts.sum()) if counts.any() else 0.0


def check_unknown(title: str, share: float) -> None:
    """Warns of a text of which much is unknown, and refuses one of which most is.

    Args:
        title: of the artifact, for the message.
        share: as `unknown_share` gives it.

    Raises:
        UserError: with the remedy.
    """
    if share <= WARNED:
        return
    message = (
        f"{title}: {share:.0%} of the tokens are unknown to the tokenizer, which does not fit this "
        f"text: {OWN if title.endswith('(student)') else THEIRS}"
    )
    if share > REFUSED:
        raise UserError(f"{message}.")
    log.warning("%s.", message)
