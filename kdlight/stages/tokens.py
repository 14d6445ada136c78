"""Stage: the rows of a task or a transfer set, tokenised once for every network."""

import json
from pathlib import Path

from kdlight.data.encode import encode_rows, load_tokenizer
from kdlight.data.rows import count_rows
from kdlight.measure.meter import Meter
from kdlight.types import StageSpec


def run(spec: StageSpec) -> None:
    """Encodes every Arrow file of the input into a folder of its own."""
    tokenizer = Path(spec.inputs["tokenizer"])
    special = json.loads((tokenizer / "special.json").read_text())
    sources = sorted(Path(spec.inputs["rows"]).glob("*.arrow"))
    length = spec.config["max_length"]
    with Meter(spec.runtime["title"], sum(map(count_rows, sources)), "rows") as meter:
        for source in sources:
            out = Path(spec.out) / source.stem
            encode_rows(source, out, load_tokenizer(tokenizer), special, length, meter.advance)
