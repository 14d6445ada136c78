"""Which splits of a task a job reads, of those that its source has."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdlight.tasks.reader import has_split
from kdlight.tasks.task import Task

log = logging.getLogger("kdlight")
HELD_OUT = "held_out"  # a part of train that nothing learns from and nothing is chosen by


@dataclass(frozen=True, slots=True)
class Splits:
    """The split that is reported, those scored beside it (by name), and unlabelled text."""

    reported: str
    beside: Mapping[str, str]
    unlabelled: bool


def find_splits(task: Task, data: Mapping[str, Any]) -> Splits:
    """What is there; says so where a part of train must stand in for dev, or a set is missing."""
    source, reported = data["source"], data["eval_split"]

    def there(split: str) -> bool:
        return has_split(task, source, data["root"], split)

    beside = {}
    if reported == "dev" and not there("dev") and there("train"):
        reported = HELD_OUT
        log.warning(
            "Task %s has no dev rows: a tenth of its train rows is held out and reported instead "
            "(data.eval_split=test reports the test rows, where they have labels).",
            task.name,
        )
    elif reported == "dev" and source != "embedded":
        beside = {name: split for name, split in task.more_eval.items() if there(split)}
        for name, split in task.more_eval.items():
            if name not in beside:
                log.info(
                    "Task %s: there is no %s, dev alone is scored (++task.%s.files.%s=[NAME] names "
                    "another file).",
                    *(task.name, split) * 2,
                )
    return Splits(reported, beside, there("unlabelled"))
