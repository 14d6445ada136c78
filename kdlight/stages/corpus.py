"""Stage: plain text, tokenised and packed into blocks once."""

import json
import logging
from pathlib import Path

from kdlight.data.blocks import TRAIN, pack
from kdlight.data.encode import load_tokenizer
from kdlight.data.unknown import check_unknown, unknown_share
from kdlight.measure.meter import Meter
from kdlight.tasks.corpus import corpus_lines
from kdlight.types import StageSpec

log = logging.getLogger("kdlight")


def run(spec: StageSpec) -> None:
    """Writes the blocks to learn from (`train`) and those that choose a checkpoint.

    How many lines each source gave, and the share of tokens that the tokenizer does not know, are
    in `facts.json`.

    Raises:
        UserError: if it knows less than half of them.
    """
    folder = Path(spec.inputs["tokenizer"])
    pad = json.loads((folder / "special.json").read_text())["pad"]
    tokenizer, taken = load_tokenizer(folder), dict[str, int]()
    lines = corpus_lines(spec.config["corpus"], spec.runtime["corpus"], taken)
    length, out = spec.config["length"], Path(spec.out)
    with Meter(spec.runtime["title"], None, "lines") as meter:
        counts = pack(lines, out, tokenizer, pad, length, meter.advance)
    log.info("%s: {lines:,} lines, {tokens:,} tokens in {blocks:,} blocks of %d; {left_out} left "
             "out at the end".format(**counts), spec.runtime["title"], length)  # fmt: skip
    for source, count in taken.items():
        log.info("%s: %s lines of %s", spec.runtime["title"], f"{count:,}", source)
    share = unknown_share([out / TRAIN / "ids.npy"], tokenizer)
    check_unknown(spec.runtime["title"], share)
    (out / "facts.json").write_text(json.dumps({"lines": taken, "unknown_share": share}))
    if unread := [source for source, count in taken.items() if not count]:
        log.warning(
            "data.corpus_rows=%s was reached before %s: nothing was read of it; raise it, or list "
            "that text first.",
            spec.config["corpus"]["rows"],
            ", ".join(unread),
        )
