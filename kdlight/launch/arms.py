"""The ways a job trains its student: the method itself, gold labels alone, and variants."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from kdlight.launch.checked_arms import PARTS, check_name, check_variant
from kdlight.launch.merged import changed, merged

log = logging.getLogger("kdlight")


def arms(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Configuration nodes by arm, `student` first.

    The baseline has the student, seed, updates, selection rule and rates of the first arm, but
    gold labels instead of a teacher; of one that learns from text, random weights. Where no arm
    has a teacher, what would start from it starts from the encoder of its folder, or at random.
    A variant changes some keys of the first arm; its losses it names anew.

    Raises:
        UserError: if a variant has the name of another network, or changes what is no part of an
            arm.
    """
    main = {part: config[part] for part in PARTS}
    found = {"student": main}
    if config["baseline"] and main["method"]["learns_from"] != "gold":
        found["baseline"] = _changed(main, GOLD)
        if main["method"]["learns_from"] == "text" and "start" in main["student"]:
            # What the distilled body is compared with has nothing of any teacher.
            found["baseline"] = merged(found["baseline"], RANDOM)
    for name, changes in _expanded(config["variants"], config["task"]).items():
        check_name(name)
        check_variant(f"variants.{name}", changes, main)
        arm = _changed(main, changes)
        # With gold labels alone no loss differs.
        if arm["method"]["learns_from"] != "gold" or set(changes) - {"loss"}:
            found[name] = arm
    if all(arm["method"]["learns_from"] == "gold" for arm in found.values()):
        found = {name: _untaught(arm) for name, arm in found.items()}
    return found


def _untaught(arm: dict[str, Any]) -> dict[str, Any]:
    """An arm of a job without teachers: none is trained only to start a student from."""
    teacher, student = arm["teacher"], arm["student"]
    part, key = ("embeddings", "start") if student.get("embeddings") else ("start", "from")
    if (student.get(part) or {}).get(key) != "teacher" or teacher.get("pretrain"):
        return arm
    named = teacher["pretrained"]
    folders = set(named.values()) if isinstance(named, Mapping) else {named}
    origin = "pretrained" if len(folders) == 1 and None not in folders else "random"
    log.info("Nothing learns from a teacher: student.%s.%s=%s", part, key, origin)
    return merged(arm, {"student": {part: {key: origin}}})


def distinct(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The arms, the first one first, without those that are it over again."""
    main, *others = arms
    same = [name for name in others if arms[name] == arms[main]]
    if same:
        log.info("Variant %s changes nothing here, and is left out.", ", ".join(same))
    return {name: parts for name, parts in arms.items() if name not in same}


def _expanded(variants: Mapping[str, Any], tasks: Iterable[str]) -> dict[str, Any]:
    """Variants with `method.leave_out: each` become one a task, `<variant>_<task>`."""
    found: dict[str, Any] = {}
    for name, changes in variants.items():
        method = changes.get("method") if isinstance(changes, Mapping) else None
        if isinstance(method, Mapping) and method.get("leave_out") == "each":
            for task in tasks:
                found[f"{name}_{task}"] = merged(changes, {"method": {"leave_out": [task]}})
        else:
            found[name] = changes
    return found


GOLD: Mapping[str, Any] = {"method": {"learns_from": "gold"}}
RANDOM: Mapping[str, Any] = {"student": {"start": {"from": "random"}}}


def _changed(arm: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return changed(arm, changes) | {"loss": changes.get("loss", arm["loss"])}
