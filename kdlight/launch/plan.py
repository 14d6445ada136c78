"""Which artifacts a job needs, from its configuration; imports nothing heavy."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from kdlight.launch.checks import check_task_keys
from kdlight.launch.environment import store_precision
from kdlight.launch.graph import Node
from kdlight.launch.pretrained import check_labels, find_pretrained, model_hash, tokenizer_hash
from kdlight.launch.reading import own_tokenizer, start_table, vector_file
from kdlight.launch.splits import HELD_OUT, Splits, find_splits
from kdlight.launch.text import transfer_set
from kdlight.tasks.reader import source_fingerprint
from kdlight.tasks.task import Task
from kdlight.types import UserError

FINETUNE = {"_target_": "kdlight.methods.finetune.Finetune", "_partial_": True}
PLAN_KEYS = ("max_epochs", "max_steps", "evaluations")  # of the trainer node, not Lightning's
# Of the teacher node, but without influence on its training.
UNTRAINED_KEYS = ("pretrained", "source", "store_precision", "floor", "keep_head", "threads")
# Where and how often, which does not change the weights.
PLACE_KEYS = ("accelerator", "devices", "num_nodes", "strategy", "checkpoint_seconds", "threads")


class Plan:
    """The graph of a job. Each method makes one kind of node.

    Args:
        config: the resolved configuration, plain containers only.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.data: Mapping[str, Any] = config["data"]
        self.nodes = {name: {"name": name, **node} for name, node in config["task"].items()}
        for name, node in self.nodes.items():
            check_task_keys(name, node)
        self.tasks: dict[str, Task] = {n: instantiate(node) for n, node in self.nodes.items()}
        self._rows: dict[str, Node] = {}

    @cached_property
    def pretrained(self) -> Path | None:
        """The teacher's folder, or None where it is trained from random weights."""
        name = self.config["teacher"]["pretrained"]
        return find_pretrained(str(name)) if name else None

    @cached_property
    def groups(self) -> list[tuple[str, ...]]:
        """The tasks that share a network: all, or each alone."""
        names = tuple(self.tasks)
        return [names] if self.config["method"]["joint"] else [(name,) for name in names]

    @cached_property
    def splits(self) -> dict[str, Splits]:
        """The splits that are read, by task."""
        return {name: find_splits(task, self.data) for name, task in self.tasks.items()}

    def tokenizer(self) -> Node:
        """The teacher's tokenizer, which the student shares unless it has its own."""
        folder = self.pretrained
        config = {"pretrained": tokenizer_hash(folder) if folder else None}
        return Node("tokenizer", "", config, runtime={"pretrained": folder and str(folder)})

    def rows(self, task: str) -> Node:
        """The rows of a task, split and capped; the source is read once for its content."""
        if task not in self._rows:
            self._rows[task] = self._new_rows(task)
        return self._rows[task]

    def _new_rows(self, task: str) -> Node:
        data, about = self.data, self.tasks[task]
        root, seed = data["root"], data["seed"]
        embedded, found = data["source"] == "embedded", self.splits[task]
        splits = ["unlabelled"] if found.unlabelled else []
        reported = [] if found.reported == HELD_OUT else [found.reported]
        chosen = ["dev"] if self.config["selection"] == "dev" else []
        used = ["train", *reported, *found.beside.values(), *chosen, *splits]
        config = {
            "source": data["source"],
            "content": source_fingerprint(
                about, data["source"], root, list(dict.fromkeys(used)), seed
            ),
            "splits": splits,
            "wanted_train": data["max_rows"] + data["selection_rows"] if embedded else None,
            "selection": self.config["selection"],
            **{key: data[key] for key in ROW_KEYS},
            "eval_split": found.reported,
            **({"more_eval": found.beside} if found.beside else {}),
        }
        runtime = {"root": root, "task": self.nodes[task]}
        return Node("task_rows", task, config, runtime=runtime)

    def transfer_set(self, task: str, augmentation: Mapping[str, Any] | None = None) -> Node:
        """The student's text; by default augmented as the configuration says."""
        chosen = self.config["augmentation"] if augmentation is None else augmentation
        return transfer_set(task, self.rows(task), self.data, chosen, self.tasks[task].pair)

    def tokens(self, rows: Node, tokenizer: Node | None = None) -> Node:
        """Rows as token ids, the teacher's or those of another tokenizer."""
        config = {"max_length": self.data["max_length"]}
        parents = {"rows": rows, "tokenizer": tokenizer or self.tokenizer()}
        own = " (student)" if parents["tokenizer"].kind == "student_tokenizer" else ""
        return Node("tokens", f"{rows.kind} {rows.label}{own}", config, parents)

    def teacher(self, group: tuple[str, ...]) -> Node:
        """A fine-tuned teacher of some tasks."""
        teacher = dict(self.config["teacher"])
        for key in UNTRAINED_KEYS:
            teacher.pop(key)
        if self._has_head(group):
            teacher["keep_head"] = True
        elif not teacher["max_epochs"]:
            raise UserError(
                f"teacher.max_epochs=0 takes the teacher of {', '.join(group)} as it is, but it "
                "brings no head for that: this needs a fine-tuned BertForSequenceClassification "
                "of one task with teacher.pooling=pooler. Fine-tune it (teacher.max_epochs=3)."
            )
        folder = self.pretrained
        if folder:
            teacher |= {"shape": None, "embedding_std": None}  # the folder decides these
        config = {
            **teacher,
            **self._lightning(),
            "pretrained": model_hash(folder) if folder else None,
            "tasks": self._about(group),
        }
        parents = {"tokenizer": self.tokenizer()}
        parents |= {f"tokens/{task}": self.tokens(self.rows(task)) for task in group}
        runtime = self._teacher_runtime(teacher["precision"]) | {
            "pretrained": folder and str(folder)
        }
        return Node("teacher", "+".join(group), config, parents, runtime, distributed=True)

    def teacher_outputs(self, task: str, augmentation: Mapping[str, Any] | None = None) -> Node:
        """What the teacher says of the transfer set of a task."""
        trainer, wanted = self.config["trainer"], self.config["teacher"]["store_precision"]
        precision = store_precision(wanted, trainer["accelerator"])
        config = {"task": task, "precision": precision}
        parents = {
            "teacher": self.teacher(self._group(task)),
            "tokens": self.tokens(self.transfer_set(task, augmentation)),
        }
        runtime = self._teacher_runtime(precision) | {"batch_tokens": 2048}
        return Node("teacher_outputs", task, config, parents, runtime, distributed=True)

    def student(self, group: tuple[str, ...], arm: str, parts: Mapping[str, Any]) -> Node:
        """A student; `parts` are the configuration nodes of its arm."""
        gold = parts["method"]["learns_from"] == "gold"
        source = None if gold else self.config["teacher"]["source"]
        trainer, student = parts["trainer"], parts["student"]
        notes = Path(self.config["outputs"]) / "artifacts/vectors.json"
        vectors = vector_file(student["embeddings"], notes)
        text = {task: self.transfer_set(task, parts["augmentation"]) for task in group}
        tokenizer = own_tokenizer(student, group, self.tokenizer(), text)
        # Not where a file lies, but what its table holds.
        embeddings = {k: v for k, v in student["embeddings"].items() if k != "path"}
        config = {
            **{key: parts[key] for key in ("mixing", "optimizer", "schedule")},
            "student": {**student, "embeddings": embeddings},
            "loss": None if gold else parts["loss"],
            "method": parts["method"]["module"],
            "teacher_source": source,
            "keep_labels": parts["augmentation"]["keep_labels"],
            "seed": self.config["seed"],
            "batch_size": self.data["batch_size"],
            "precision": trainer["precision"],
            **{key: trainer[key] for key in PLAN_KEYS},
            **self._lightning(),
            "tasks": self._about(group),
        }
        parents = {"tokenizer": tokenizer}
        for task in group:
            parents[f"tokens/{task}"] = self.tokens(self.rows(task), tokenizer)
            parents[f"transfer/{task}"] = self.tokens(text[task], tokenizer)
            if source:  # what the teacher reads of it
                parents[f"teacher_transfer/{task}"] = self.tokens(text[task])
            if source == "stored":
                stored = self.teacher_outputs(task, parts["augmentation"])
                parents[f"teacher_outputs/{task}"] = stored
        if source == "live":
            parents["teacher"] = self.teacher(group)
        table = start_table(
            student["embeddings"], group, tokenizer, lambda: self.teacher(group), vectors
        )
        if table:
            parents["table"] = table
        label = f"{'+'.join(group)} ({arm})"
        runtime = self._runtime(trainer["precision"])
        return Node("student", label, config, parents, runtime, distributed=True)

    def evaluate(self, model: Node, group: tuple[str, ...]) -> Node:
        """Scores and predictions of a network on the evaluation rows."""
        parents = {"model": model}
        for task in group:
            parents[f"rows/{task}"] = self.rows(task)
            parents[f"tokens/{task}"] = self.tokens(self.rows(task), model.parents["tokenizer"])
        config: dict[str, Any] = {"role": model.kind, "tasks": self._about(group)}
        more = {task: list(self.splits[task].beside) for task in group if self.splits[task].beside}
        config |= {"more_eval": more} if more else {}
        return Node("evaluate", f"{model.kind} {model.label}", config, parents, self._runtime())

    def latency(self, group: tuple[str, ...], student: Node, hardware: Mapping[str, Any]) -> Node:
        """Time and operations of teacher and student on this machine."""
        config = {
            "task": group[0],
            "pair": self.tasks[group[0]].pair,
            "length": min(32, self.data["max_length"]),
            "batch_sizes": [1, 32],
            "threads": 1,
            "runs": 30,
            "hardware": hardware,
            "accelerator": self.config["trainer"]["accelerator"],
        }
        parents = {"teacher": self.teacher(group), "student": student}
        return Node("latency", "+".join(group), config, parents, self._runtime())

    def _has_head(self, group: tuple[str, ...]) -> bool:
        """Whether the pretrained teacher brings the head of the only task."""
        teacher = self.config["teacher"]
        if self.pretrained is None or not teacher["keep_head"] or len(group) > 1:
            return False
        return teacher["pooling"] == "pooler" and check_labels(
            self.pretrained, self.tasks[group[0]]
        )

    def _group(self, task: str) -> tuple[str, ...]:
        return next(group for group in self.groups if task in group)

    def _about(self, group: tuple[str, ...]) -> dict[str, Any]:
        return {
            name: {
                "num_outputs": self.tasks[name].num_outputs,
                "pair": self.tasks[name].pair,
                "metrics": list(self.tasks[name].metrics),
            }
            for name in group
        }

    def _lightning(self) -> dict[str, Any]:
        """Further options of Lightning's trainer, such as gradient clipping."""
        known = (*PLAN_KEYS, *PLACE_KEYS, "precision")
        more = {k: v for k, v in self.config["trainer"].items() if k not in known}
        return {"trainer": more} if more else {}

    def _runtime(self, precision: str = "32-true") -> dict[str, Any]:
        trainer = {k: v for k, v in self.config["trainer"].items() if k not in PLAN_KEYS}
        threads = trainer.pop("threads")
        return {"trainer": {**trainer, "precision": precision}, "threads": threads}

    def _teacher_runtime(self, precision: str) -> dict[str, Any]:
        return self._runtime(precision) | {"threads": self.config["teacher"]["threads"]}


ROW_KEYS = ("max_rows", "unlabelled_rows", "selection_rows", "eval_rows", "eval_split", "seed")
