"""What settings describe, built in small before anything is trained. Imports torch."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from hydra.utils import instantiate

from kdlight.launch.arm import Arm
from kdlight.launch.graph import Node, in_order
from kdlight.launch.teachers import Group
from kdlight.launch.trainer import runtime
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.fit import device_of
from kdlight.models.attention import projections
from kdlight.models.build import build_student
from kdlight.models.pretrained import random_model
from kdlight.types import Output, UserError, settings_of

VOCABULARY = 100
MANY = 1 << 20  # tokens of a network without weights: beyond the number of any special one
WIDTH = 8  # of a table of words that is not there yet
STEPS = 10


def try_out(arms: Mapping[str, Arm], students: Mapping[str, Mapping[Group, Node]]) -> None:
    """Builds the optimizers, schedules, losses and students of every arm, with few words to know.

    Raises:
        UserError: if one of them cannot be, with the key of its settings.
    """
    for name, arm in arms.items():
        try:
            _try(arm, students[name])
        except UserError as error:
            if name in ("student", "baseline"):
                raise
            raise UserError(f"variants.{name}: {error}") from error


def _try(arm: Arm, students: Mapping[Group, Node]) -> None:
    device_of(runtime(arm.parts["trainer"]))
    for key, node in _trainings(arm):
        _try_optimizer(key, node)
    if not arm.gold or arm.on_text:
        with settings_of("loss"):
            terms = {name: instantiate(term) for name, term in arm.parts["loss"].items()}
            losses = WeightedSum(terms)
        if "relations" in losses.needs:
            _check_relations(arm.teachers.shape())
    networks = in_order([next(iter(students.values()))])
    for made in {n.kind: n for n in networks if n.kind in ("student", "agnostic")}.values():
        _try_student(made.config)


def _check_relations(teacher: Mapping[str, Any]) -> None:
    """Refuses a teacher whose queries, keys and values cannot be told apart; without weights.

    Raises:
        UserError: if its layers do not make them by a linear map each.
    """
    try:
        with torch.device("meta"):
            model = random_model(dict(teacher), MANY, 0, "mean")
    except Exception:  # of what cannot be built the stage speaks
        return
    projections(model, -1)


def _trainings(arm: Arm) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Nodes with an optimizer and perhaps a schedule, and where they stand."""
    parts = arm.parts
    yield "", parts
    if arm.on_text:
        yield "method.text.", parts["method"]["text"]
    if arm.needs_teacher:
        yield "teacher.", parts["teacher"]
        if pretrain := parts["teacher"].get("pretrain"):
            yield "teacher.pretrain.", pretrain


def _try_optimizer(key: str, node: Mapping[str, Any]) -> None:
    with settings_of(f"{key}optimizer"):
        optimizer = instantiate(node["optimizer"])([torch.nn.Parameter(torch.zeros(1))])
    if node.get("schedule"):
        with settings_of(f"{key}schedule"):
            instantiate(node["schedule"])(optimizer, total_steps=STEPS)


def _try_student(config: Mapping[str, Any]) -> None:
    student = config["student"]
    if embeddings := student.get("embeddings"):  # without the table that they may start from
        width = embeddings.get("dim") or WIDTH
        student = {**student, "embeddings": {**embeddings, "start": "random", "dim": width}}
    outputs = {task: Output.of(about) for task, about in config.get("tasks", {}).items()}
    with settings_of("student"):
        build_student(student, outputs, VOCABULARY, pad=0)
