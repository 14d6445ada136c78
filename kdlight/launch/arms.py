"""The ways a job trains its student: the method itself, gold labels alone, and variants."""

from collections.abc import Mapping
from typing import Any

from kdlight.launch.plan import FINETUNE

PARTS = (
    *("student", "augmentation", "loss", "method", "mixing"),
    *("optimizer", "schedule", "trainer"),
)


def arms(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Configuration nodes by arm, `student` first.

    The baseline has the student, seed, updates, selection rule and rates of the first arm, but
    gold labels instead of a teacher. A variant replaces whole nodes, such as its loss.
    """
    main = {part: config[part] for part in PARTS}
    found = {"student": main}
    if config["baseline"] and main["method"]["learns_from"] == "teacher":
        gold = {**main["method"], "learns_from": "gold", "module": FINETUNE}
        found["baseline"] = {**main, "method": gold}
    for name, changes in config["variants"].items():
        arm = {**main, **changes}
        # With gold labels alone no loss differs.
        if arm["method"]["learns_from"] == "teacher" or set(changes) - {"loss"}:
            found[name] = arm
    return found
