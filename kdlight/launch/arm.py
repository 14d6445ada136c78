"""One way of training a student: its teachers, its text, its losses, planned as artifacts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.launch.checks import check_kinds
from kdlight.launch.few import listed, warn_learnt
from kdlight.launch.graph import Node
from kdlight.launch.merged import changed, merged
from kdlight.launch.plan import Plan
from kdlight.launch.pretrained import model_hash
from kdlight.launch.reading import own_tokenizer
from kdlight.launch.start import Start
from kdlight.launch.teachers import Group, Teachers
from kdlight.launch.text_losses import check_task_losses, check_text_losses
from kdlight.launch.trainer import LEAST, PLAN_KEYS, lightning, mixed, on_each, runtime
from kdlight.launch.weights import check_weights, of_tasks
from kdlight.types import UserError

FINETUNE = {"_target_": "kdlight.methods.finetune.Finetune", "_partial_": True}


def finetune(module: Mapping[str, Any]) -> dict[str, Any]:
    """Learning on gold labels, the tasks weighed as in a method that has weights for them."""
    weights = module.get("task_weights")
    return {**FINETUNE, "task_weights": weights} if weights else FINETUNE


class Arm:
    """Plans the networks of an arm.

    Args:
        plan: of the job.
        name: of the arm.
        parts: its configuration nodes.
    """

    def __init__(self, plan: Plan, name: str, parts: Mapping[str, Any]) -> None:
        self.plan, self.name, self.parts = plan, name, parts
        self.gold = parts["method"]["learns_from"] != "teacher"
        self.on_text = parts["method"]["learns_from"] == "text"
        method, teacher = parts["method"], parts["teacher"]
        joint = method["joint"]
        if "infuse" in method:  # what is scored has learnt the task in the end, as students have
            joint = method["infuse"] if teacher["joint"] is None else teacher["joint"]
            teacher = {**teacher, "refine": (teacher["refine"] or {}) if joint else None}
        self.teachers = Teachers(plan, teacher, parts["trainer"], joint)
        if self.on_text and self.teachers.joint:
            warn_learnt(plan.data["low_resource"], self.teachers.names)
        check_weights(parts, plan.tasks)
        left_out = listed("method.leave_out", parts["method"].get("leave_out"))
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
        return self.on_text or not self.gold or "teacher" in starts

    @property
    def waits_for_tasks(self) -> bool:
        """Whether its students are made from a network that learns tasks first."""
        return self.needs_teacher and (self.teachers.joint or not self.on_text)

    @property
    def corpus(self) -> Node:
        """The plain text, as the teacher's tokens."""
        return self.plan.blocks(self.teachers.tokenizer)

    def students(self) -> dict[Group, Node]:
        """The networks that are scored, by their tasks."""
        check_kinds({name: self.plan.tasks[name] for name in self.names}, self.parts)
        if not self.gold:
            check_task_losses(self.parts["loss"])
        joint, refine = self.parts["method"]["joint"], self.parts["method"].get("refine")
        groups = [self.names] if joint else [(name,) for name in self.names]
        trained = {group: self._best(group) for group in groups}
        if refine is None:
            return trained
        again = changed(self.parts, refine)
        return {
            (task,): self._student((task,), again, start)
            for group, start in trained.items()
            for task in group
        }

    def body(self) -> Node:
        """The student that has learnt from the teacher on plain text, and no task yet.

        Raises:
            UserError: if it reads otherwise than its teacher, a loss asks for what plain text or
                the teacher cannot give, or the text stands under another key.
        """
        parts, teachers = self.parts, self.teachers
        settings = parts["method"]["text"]
        if parts["student"].get("embeddings") or parts["student"].get("tokenizer"):
            raise UserError(
                f"method={parts['method']['name']} needs a Transformer that reads as its teacher "
                "does, in its tokens: student=tiny_4x312, or another of its kind."
            )
        if self.plan.data["text"]:
            raise UserError(
                f"data.text is read where a student learns a teacher's answers; the plain text of "
                f"method={parts['method']['name']} is data.corpus."
            )
        found, folder = teachers.body()
        check_text_losses(parts["loss"], found, folder)
        fresh = Start(teachers, parts["student"], parts["loss"], teachers.names, on_text=True)
        teachers.check_reach("max_length", "block_length")
        text_precision = mixed(settings["precision"], parts["trainer"])
        config = {
            **settings,
            "precision": text_precision,
            **teachers.live,
            "student": fresh.config(),
            "loss": parts["loss"],
            "method": parts["method"]["module"],
            "seed": self.plan.config["seed"] if settings["seed"] is None else settings["seed"],
            "length": self.plan.data["block_length"],
            **lightning(parts["trainer"]),
        }
        config |= {"pretrained": model_hash(folder)} if folder else {}
        parents = {"tokenizer": teachers.tokenizer, **found, **fresh.layers()}
        parents["corpus"] = self.corpus
        about = runtime(on_each(parts["trainer"]), text_precision) | fresh.runtime()
        about |= {"threads": teachers.config["threads"], "pretrained": folder and str(folder)}
        return Node("agnostic", f"({self.name})", config, parents, about, distributed=True)

    def text(self, task: str) -> Node:
        """The transfer set of a task."""
        return self.plan.transfer_set(task, self.parts["augmentation"], self._together)

    @property
    def _together(self) -> Group:
        """The tasks that its students learn with others, at least before their refinement."""
        return self.names if self.parts["method"]["joint"] else ()

    def outputs(self, task: str) -> Node:
        """What the teacher says of it."""
        return self.teachers.outputs(task, self.text(task))

    def task_groups(self) -> dict[str, list[str]]:
        """Tasks that the teacher has learnt, those it has not, and by rows those of few rows."""
        plan, inside = self.plan, self.teachers.names
        outside = [task for task in plan.tasks if task not in {*inside, *plan.draws}]
        found = {"in_domain": list(inside), "out_of_domain": outside}
        for name, draw in plan.draws.items():
            found.setdefault(f"low_resource_{draw['rows']}", []).append(name)
        return {name: tasks for name, tasks in found.items() if tasks}

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

    def _best(self, group: Group) -> Node:
        """A student of some tasks; where rates are given, the best of one at each of them."""
        rates = self.parts["method"].get("rates")
        if not rates:
            return self._student(group, self.parts)
        found = {}
        for rate in rates:
            parts = merged(self.parts, {"optimizer": {"lr": rate}})
            found[f"candidate/{rate}"] = self._student(group, parts, rate=rate)
        parents = {"tokenizer": self._tokenizer(group), **found}
        return Node("best", f"{'+'.join(group)} ({self.name})", {}, parents)

    def _student(
        self, group: Group, parts: Mapping[str, Any], start: Node | None = None, rate: object = None
    ) -> Node:
        """A student of some tasks, from scratch or refined from `start`."""
        gold, data = parts["method"]["learns_from"] != "teacher", self.plan.data
        source = None if gold else self.teachers.config["source"]
        trainer = parts["trainer"]
        trainer = {**trainer, "precision": mixed(trainer["precision"], trainer)}
        # The ids of a network that goes on are those of the table it brings.
        tokenizer = start.parents["tokenizer"] if start else self._tokenizer(group)
        fresh = Start(self.teachers, parts["student"], {} if gold else parts["loss"], group)
        module = of_tasks(parts["method"]["module"], "task_weights", group)
        config = {
            **{key: parts[key] for key in ("optimizer", "schedule")},
            "mixing": of_tasks(parts["mixing"], "weights", group),
            "student": fresh.config(),
            "loss": None if gold else parts["loss"],
            "method": finetune(module) if gold else module,
            "teacher_source": source,
            "keep_labels": parts["augmentation"]["keep_labels"],
            "seed": self.plan.config["seed"],
            "batch_size": data["batch_size"],
            "precision": trainer["precision"],
            **{key: trainer[key] for key in PLAN_KEYS},
            **({LEAST: trainer[LEAST]} if trainer.get(LEAST) and not trainer["max_steps"] else {}),
            **lightning(trainer),
            **(self.teachers.live if source == "live" else {}),
            "tasks": self.plan.about(group),
        }
        parents = {"tokenizer": tokenizer}
        for task in group:
            rows = self.plan.rows_for(self._together, task)
            parents[f"tokens/{task}"] = self.plan.tokens(rows, tokenizer)
            parents[f"transfer/{task}"] = self.plan.tokens(self.text(task), tokenizer)
            if source:  # what the teacher reads of it
                theirs = self.plan.tokens(self.text(task), self.teachers.tokenizer)
                parents[f"teacher_transfer/{task}"] = theirs
            if source == "stored":
                parents[f"teacher_outputs/{task}"] = self.outputs(task)
            if source == "live":
                parents[f"teacher/{task}"] = self.teachers.of_task(task)
        notes = Path(self.plan.config["outputs"]) / "artifacts/vectors.json"
        if self.on_text:
            parents |= {"start": start} if start else {"body": self.body()}
            config["student"] = {**config["student"], "start": None}
        else:
            parents |= {"start": start} if start else fresh.parents(tokenizer, notes)
        about = runtime(on_each(trainer), trainer["precision"]) | fresh.runtime()
        if rate is not None:  # one of several, of which one that diverges is left out
            config["candidate"] = True
        which = ", refined" * bool(start) + f", lr {rate}" * (rate is not None)
        label = f"{'+'.join(group)} ({self.name}{which})"
        return Node("student", label, config, parents, about, distributed=True)

    def _tokenizer(self, group: Group) -> Node:
        text = {task: self.text(task) for task in group}
        return own_tokenizer(self.parts["student"], group, self.teachers.tokenizer, text)
