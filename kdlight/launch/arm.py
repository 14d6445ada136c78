"""One way of training a student: its teachers, its text, its losses, planned as artifacts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.launch.checks import check_kinds
from kdlight.launch.graph import Node
from kdlight.launch.plan import Plan
from kdlight.launch.reading import own_tokenizer
from kdlight.launch.start import Start
from kdlight.launch.teachers import Group, Teachers, merged
from kdlight.launch.trainer import PLAN_KEYS, lightning, on_each, runtime
from kdlight.types import UserError

FINETUNE = {"_target_": "kdlight.methods.finetune.Finetune", "_partial_": True}


class Arm:
    """Plans the networks of an arm.

    Args:
        plan: of the job.
        name: of the arm.
        parts: its configuration nodes.
    """

    def __init__(self, plan: Plan, name: str, parts: Mapping[str, Any]) -> None:
        self.plan, self.name, self.parts = plan, name, parts
        self.gold = parts["method"]["learns_from"] == "gold"
        joint = parts["method"]["joint"]
        self.teachers = Teachers(plan, parts["teacher"], parts["trainer"], joint)
        left_out = parts["method"].get("leave_out") or []
        if unknown := set(left_out) - set(plan.tasks):
            raise UserError(f"method.leave_out: there is no task {', '.join(sorted(unknown))}")
        self.names = tuple(task for task in plan.tasks if task not in left_out)
        if not self.names:
            raise UserError("method.leave_out leaves no task.")

    @property
    def needs_teacher(self) -> bool:
        """Whether anything in the arm is made from a teacher."""
        student = self.parts["student"]
        embeddings, layers = student.get("embeddings") or {}, student.get("start") or {}
        starts = (embeddings.get("start"), layers.get("from"))
        return not self.gold or "teacher" in starts

    def students(self) -> dict[Group, Node]:
        """The networks that are scored, by their tasks."""
        check_kinds({name: self.plan.tasks[name] for name in self.names}, self.parts)
        joint, refine = self.parts["method"]["joint"], self.parts["method"].get("refine")
        groups = [self.names] if joint else [(name,) for name in self.names]
        trained = {group: self._student(group, self.parts) for group in groups}
        if not refine:
            return trained
        again = merged(self.parts, refine)
        return {
            (task,): self._student((task,), again, start)
            for group, start in trained.items()
            for task in group
        }

    def text(self, task: str) -> Node:
        """The transfer set of a task."""
        return self.plan.transfer_set(task, self.parts["augmentation"])

    def outputs(self, task: str) -> Node:
        """What the teacher says of it."""
        return self.teachers.outputs(task, self.text(task))

    def latency(self, group: Group, student: Node, hardware: Mapping[str, Any]) -> Node:
        """Time and operations of teacher and student on this machine."""
        trainer = self.parts["trainer"]
        config = {
            "task": group[0],
            "pair": self.plan.tasks[group[0]].reads_pairs,
            "length": min(32, self.plan.data["max_length"]),
            "batch_sizes": [1, 32],
            "threads": 1,
            "runs": 30,
            "hardware": hardware,
            "accelerator": trainer["accelerator"],
        }
        parents = {"teacher": self.teachers.of_task(group[0]), "student": student}
        return Node("latency", "+".join(group), config, parents, runtime(trainer))

    def _student(self, group: Group, parts: Mapping[str, Any], start: Node | None = None) -> Node:
        """A student of some tasks, from scratch or refined from `start`."""
        gold, data = parts["method"]["learns_from"] == "gold", self.plan.data
        source = None if gold else self.teachers.config["source"]
        trainer = parts["trainer"]
        tokenizer = self._tokenizer(group)
        fresh = Start(self.teachers, parts["student"], {} if gold else parts["loss"], group)
        config = {
            **{key: parts[key] for key in ("mixing", "optimizer", "schedule")},
            "student": fresh.config(),
            "loss": None if gold else parts["loss"],
            "method": FINETUNE if gold else parts["method"]["module"],
            "teacher_source": source,
            "keep_labels": parts["augmentation"]["keep_labels"],
            "seed": self.plan.config["seed"],
            "batch_size": data["batch_size"],
            "precision": trainer["precision"],
            **{key: trainer[key] for key in PLAN_KEYS},
            **lightning(trainer),
            "tasks": self.plan.about(group),
        }
        parents = {"tokenizer": tokenizer}
        for task in group:
            parents[f"tokens/{task}"] = self.plan.tokens(self.plan.rows(task), tokenizer)
            parents[f"transfer/{task}"] = self.plan.tokens(self.text(task), tokenizer)
            if source:  # what the teacher reads of it
                theirs = self.plan.tokens(self.text(task), self.teachers.tokenizer)
                parents[f"teacher_transfer/{task}"] = theirs
            if source == "stored":
                parents[f"teacher_outputs/{task}"] = self.outputs(task)
            if source == "live":
                parents[f"teacher/{task}"] = self.teachers.of_task(task)
        notes = Path(self.plan.config["outputs"]) / "artifacts/vectors.json"
        parents |= {"start": start} if start else fresh.parents(tokenizer, notes)
        about = runtime(on_each(trainer), trainer["precision"]) | fresh.runtime()
        label = f"{'+'.join(group)} ({self.name}{', refined' if start else ''})"
        return Node("student", label, config, parents, about, distributed=True)

    def _tokenizer(self, group: Group) -> Node:
        text = {task: self.text(task) for task in group}
        return own_tokenizer(self.parts["student"], group, self.teachers.tokenizer, text)
