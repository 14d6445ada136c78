"""Stage: the rows of a task or a transfer set, tokenised once for every network."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kdlight.data.encode import encode_rows, load_tokenizer
from kdlight.data.layout import named
from kdlight.data.options import encode_choices
from kdlight.data.rows import count_rows
from kdlight.data.unknown import check_unknown, unknown_share
from kdlight.data.windows import encode_spans
from kdlight.measure.meter import Meter
from kdlight.types import StageSpec

log = logging.getLogger("kdlight")
Advance = Callable[[int], None]
WARNED = 0.03  # the share of rows that are cut


def run(spec: StageSpec) -> None:
    """Encodes every Arrow file of the input into a folder of its own.

    What does not fit into `max_length` is counted in `facts.json`; so is the share of tokens that
    the tokenizer does not know.

    Raises:
        UserError: if it knows less than half of them.
    """
    folder = Path(spec.inputs["tokenizer"])
    special = json.loads((folder / "special.json").read_text())
    sources = sorted(Path(spec.inputs["rows"]).glob("*.arrow"))
    encode = ENCODERS[spec.config.get("kind", "text")]
    facts: dict[str, Any] = {}
    with Meter(spec.runtime["title"], sum(map(count_rows, sources)), "rows") as meter:
        for source in sources:
            out, tokenizer = Path(spec.out) / source.stem, load_tokenizer(folder)
            found = encode(source, out, tokenizer, special, spec.config, meter.advance)
            facts[source.stem] = found
            _tell(f"{spec.runtime['title']}, {source.stem}", found, spec.config["max_length"])
    share = unknown_share(sorted(Path(spec.out).glob("*/?.ids.npy")), load_tokenizer(folder))
    check_unknown(spec.runtime["title"], share)
    facts["unknown_share"] = share
    (Path(spec.out) / "facts.json").write_text(json.dumps(facts, indent=1))


def _texts(
    source: Path, out: Path, tokenizer: Tokenizer, special: Any, config: Any, advance: Advance
) -> dict[str, Any]:
    return asdict(encode_rows(source, out, tokenizer, special, config["max_length"], advance))


def _spans(
    source: Path, out: Path, tokenizer: Tokenizer, special: Any, config: Any, advance: Advance
) -> dict[str, Any]:
    length, stride = config["max_length"], config["doc_stride"]
    return asdict(encode_spans(source, out, tokenizer, special, length, stride, advance))


def _choices(
    source: Path, out: Path, tokenizer: Tokenizer, special: Any, config: Any, advance: Advance
) -> dict[str, Any]:
    length = config["max_length"]
    return asdict(encode_choices(source, out, tokenizer, special, length, advance))


ENCODERS = {"text": _texts, "span": _spans, "choice": _choices}


def _tell(title: str, found: dict[str, Any], max_length: int) -> None:
    """Says what did not fit; of rows of text only where that is more than a few."""
    if "rows_cut" in found:
        _tell_cut(title, found["rows_cut"] / max(found["rows"], 1), max_length)
        return
    lost: list[str] = found.get("without_a_whole_answer", [])
    counted = {name: n for name, n in found.items() if isinstance(n, int)}
    words = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counted.items() if n)
    log.info("%s: %s", title, words or "no rows")
    if lost:
        log.warning(
            "%s: no window holds a whole answer to %d of the questions (%s); they are scored, but "
            "not learnt from (a longer data.max_length= may help).",
            title,
            len(lost),
            named(lost),
        )


def _tell_cut(title: str, share: float, max_length: int) -> None:
    if share > WARNED:
        log.warning(
            "%s: %.0f%% of the rows are longer than data.max_length=%d tokens and are cut (a "
            "longer one reads more of them).",
            title,
            100 * share,
            max_length,
        )
