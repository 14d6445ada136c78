"""Stage: the rows of a task or a transfer set, tokenised once for every network."""

import json
from pathlib import Path

from kdlight.data.encode import encode_rows, load_tokenizer
from kdlight.types import StageSpec


def run(spec: StageSpec) -> None:
    """Encodes every Arrow file of the input into a folder of its own."""
    tokenizer = Path(spec.inputs["tokenizer"])
    pad = json.loads((tokenizer / "special.json").read_text())["pad"]
    for source in sorted(Path(spec.inputs["rows"]).glob("*.arrow")):
        out = Path(spec.out) / source.stem
        encode_rows(source, out, load_tokenizer(tokenizer), pad, spec.config["max_length"])
