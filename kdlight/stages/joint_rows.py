"""Stage: the rows of a task as networks of several tasks learn them."""

import json
import logging
import shutil
from collections import Counter
from pathlib import Path

from kdlight.data.evaluated import Evaluated
from kdlight.data.rows import count_rows, read_rows, write_rows
from kdlight.types import Example, StageSpec, UserError

log = logging.getLogger("kdlight")
LEARNT = ("train", "selection", "unlabelled")
OTHER = "evaluated/"  # role of the rows of another task


def run(spec: StageSpec) -> None:
    """Copies the Arrow files of a task without what is an evaluation row of another task.

    How many rows were left out, by part and by the task that evaluates them, is in `facts.json`.

    Raises:
        UserError: if no row is left to learn from, or to choose a checkpoint by.
    """
    kinds, task, out = spec.config["kinds"], spec.config["task"], Path(spec.out)
    rows = Path(spec.inputs["rows"])
    evaluated = Evaluated()
    for role, folder in spec.inputs.items():
        if role.startswith(OTHER):
            name = role.removeprefix(OTHER)
            for path in sorted(Path(folder).glob("eval*.arrow")):
                evaluated.add(name, kinds[name], read_rows(path))
    left_out: dict[str, dict[str, int]] = {}
    for path in sorted(rows.glob("*.arrow")):
        if path.stem in LEARNT:
            left_out[path.stem] = _copy(path, out / path.name, evaluated, kinds[task])
            _tell(task, path.stem, left_out[path.stem])
        else:
            shutil.copyfile(path, out / path.name)
    for part in LEARNT[:2]:
        if not count_rows(out / f"{part}.arrow"):
            raise UserError(
                f"Task {task}: every {part} row is an evaluation row of another task; leave one "
                "of them out, or set data.leave_out_evaluated=false."
            )
    (out / "facts.json").write_text(json.dumps({"left_out": left_out}))


def _copy(source: Path, path: Path, evaluated: Evaluated, kind: str) -> dict[str, int]:
    """Copies the rows that no other task evaluates; counts the others by that task."""
    found: Counter[str] = Counter()

    def kept(row: Example) -> bool:
        task = evaluated.task_of(row, kind)
        found.update([task] if task else [])
        return task is None

    write_rows(path, filter(kept, read_rows(source)))
    return dict(found)


def _tell(task: str, part: str, found: dict[str, int]) -> None:
    for other, count in found.items():
        log.warning(
            "task %s: %s %s rows left out, they are evaluation rows of %s",
            *(task, f"{count:,}", "training" if part == "train" else part, other),
        )
