"""The trainer's settings: what changes the weights, and what does not."""

from collections.abc import Mapping
from typing import Any

from kdlight.launch.environment import precision

# Of the trainer node, not Lightning's.
PLAN_KEYS = ("max_epochs", "max_steps", "evaluations")
LEAST = "min_steps"  # one more, where it is set
# Where and how often, which does not change the weights.
PLACE_KEYS = (
    *("accelerator", "devices", "num_nodes", "on_every_node", "strategy"),
    *("checkpoint_seconds", "threads"),
)


def lightning(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """Further options of Lightning's trainer that change weights, such as gradient clipping."""
    known = (*PLAN_KEYS, LEAST, *PLACE_KEYS, "precision")
    more = {key: value for key, value in trainer.items() if key not in known}
    return {"trainer": more} if more else {}


def mixed(wanted: str, trainer: Mapping[str, Any]) -> str:
    """The precision of a training: `auto` is bf16-mixed where the device has it."""
    return precision(wanted, trainer["accelerator"], half="bf16-mixed")


def on_each(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """The same trainer, but with the whole network on each device: students are small."""
    divided = isinstance(trainer["strategy"], Mapping)
    return {**trainer, **({"strategy": "ddp"} if divided else {})}


def runtime(trainer: Mapping[str, Any], precision: str = "32-true") -> dict[str, Any]:
    """What a stage needs to run, beside what decides its content."""
    left_out = (*PLAN_KEYS, LEAST, "on_every_node")
    found = {key: value for key, value in trainer.items() if key not in left_out}
    threads = found.pop("threads")
    return {"trainer": {**found, "precision": precision}, "threads": threads}
