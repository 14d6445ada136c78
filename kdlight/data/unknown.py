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
    """Share of the unknown token in flat arrays of tokens; 0 if the tokenizer has no such token."""
    names = (getattr(tokenizer.model, "unk_token", None), *NAMES)
    known = (tokenizer.token_to_id(name) for name in names if name)
    unknown = next((number for number in known if number is not None), None)
    count, total = 0, 0
    for path in arrays:
        ids: NDArray = np.load(path, mmap_mode="r")
        total += len(ids)
        for start in range(0, len(ids), AT_ONCE):
            count += int(np.count_nonzero(ids[start : start + AT_ONCE] == unknown))
    return count / total if total and unknown is not None else 0.0


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
