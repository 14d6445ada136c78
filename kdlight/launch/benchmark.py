"""The plan of `job=benchmark`."""

from collections.abc import Mapping
from typing import Any

from kdlight.launch.arm import Arm, finetune
from kdlight.launch.graph import Node
from kdlight.launch.start import LAYER_LOSSES
from kdlight.types import UserError

# Timed blocks of each contender, steps of the student and batches of the teacher a block.
SIZES = {"rounds": 8, "block": 20, "batches": 2}


def benchmark_node(
    arm: Arm, group: tuple[str, ...], student: Node, hardware: Mapping[str, Any]
) -> Node:
    """Measures a student's training, the filling of its store, and both networks' latency.

    Raises:
        UserError: if the experiment has no teacher.
    """
    if student.kind == "best":  # the same network at several rates
        student = next(n for role, n in student.parents.items() if role.startswith("candidate/"))
    if student.config["loss"] is None:
        raise UserError(
            "job=benchmark measures distillation, and this experiment has no teacher: choose "
            "another, such as +experiment=kd_bilstm."
        )
    if special := [task for task in group if arm.plan.tasks[task].special]:
        raise UserError(
            f"job=benchmark measures how the teacher's outputs are stored, and those of "
            f"{special[0]} are not: they differ in number from row to row; choose other tasks."
        )
    for name, loss in student.config["loss"].items():
        if loss["_target_"].startswith(LAYER_LOSSES):
            raise UserError(
                f"job=benchmark measures learning from stored outputs, and those hold no layers "
                f"for loss {name}: leave it out."
            )
    stores = {f"teacher_outputs/{task}": arm.outputs(task) for task in group}
    store = next(iter(stores.values()))
    latency = arm.latency(group, student, hardware)
    config = {
        **student.config,
        **SIZES,
        "gold_method": finetune(student.config["method"]),
        "store_precision": store.config["precision"],
        "latency": dict(latency.config),
    }
    parents = {**student.parents, **stores, "teacher": arm.teachers.of_task(group[0])}
    # The contenders take turns in one process.
    one = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
    runtime = {**student.runtime, "trainer": {**student.runtime["trainer"], **one}}
    runtime["filling"] = dict(store.runtime)
    return Node("benchmark", "+".join(group), config, parents, runtime)
