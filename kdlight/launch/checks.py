"""What is refused before time is spent on it."""

import json
import logging
from pathlib import Path

from kdlight.types import UserError

log = logging.getLogger("kdlight")


def check_teacher_floor(folder: Path, title: str, floor: str) -> None:
    """Refuses a teacher that is no better than always giving the commonest answer.

    Args:
        folder: the teacher's artifact.
        title: how messages call it.
        floor: `error` refuses, `warn` only says so.

    Raises:
        UserError: with both scores and the remedy.
    """
    found = json.loads((folder / "floor.json").read_text())
    if found["selection"] > found["majority"]:
        return
    message = (
        f"{title} scores {found['selection']:.1f} on the selection rows, no better than the "
        f"commonest answer ({found['majority']:.1f}): train it longer (teacher.max_epochs), at "
        "another rate (teacher.optimizer.lr) or on more rows (data.max_rows)"
    )
    if floor == "error":
        raise UserError(f"{message}, or go on all the same with teacher.floor=warn.")
    log.warning("%s.", message)
