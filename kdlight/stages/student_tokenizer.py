"""Stage: a tokenizer of the student's own, made from the text it learns from."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

from hydra.utils import instantiate

from kdlight.data.encode import MASK, load_tokenizer
from kdlight.data.rows import read_rows
from kdlight.data.words import SPECIAL
from kdlight.types import StageSpec, UserError

log = logging.getLogger("kdlight")


def run(spec: StageSpec) -> None:
    """Writes `tokenizer.json` and `special.json`, as the stage of the teacher's does.

    `config.tokenizer` makes it from (texts, the teacher's tokenizer).
    """
    out = Path(spec.out)
    make = instantiate(spec.config["tokenizer"])
    tokenizer = make(_texts(spec), load_tokenizer(Path(spec.inputs["tokenizer"])))
    if (pad := tokenizer.token_to_id(SPECIAL[0])) is None:
        raise UserError(f"student.tokenizer: its vocabulary needs an entry {SPECIAL[0]}.")
    tokenizer.save(str(out / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    special = {"pad": pad, "mask": MASK, "size": size}
    (out / "special.json").write_text(json.dumps(special))
    log.info("%s: %s entries", spec.runtime["title"], f"{size:,}")


def _texts(spec: StageSpec) -> Iterator[str]:
    for role, folder in spec.inputs.items():
        if role.startswith("transfer/"):
            for row in read_rows(Path(folder) / "transfer.arrow"):
                yield row.text_a
                if row.text_b is not None:
                    yield row.text_b
