"""The teachers of an arm: one a task, or one for all; refined for each task; an ensemble."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdlight.launch.environment import precision
from kdlight.launch.few import known
from kdlight.launch.graph import Node
from kdlight.launch.merged import merged
from kdlight.launch.plan import Plan
from kdlight.launch.pretrained import check_labels, find_folders, model_hash, model_shape
from kdlight.launch.reach import check_reach
from kdlight.launch.trainer import lightning, mixed, runtime
from kdlight.launch.weights import check_mixing
from kdlight.models.field_names import usual
from kdlight.types import UserError

Group = tuple[str, ...]
# Of the teacher node, but without influence on the training of a network.
UNTRAINED_KEYS = (
    *("pretrained", "source", "store_precision", "floor", "keep_head", "threads"),
    *("joint", "refine", "ensemble", "mixing", "leave_out", "pretrain", "tokenizer"),
)


class Teachers:
    """Plans the teachers for some tasks.

    Args:
        plan: of the job.
        config: the `teacher` node of the arm.
        trainer: its `trainer` node.
        joint: whether its student learns all tasks; so does the teacher, unless it says otherwise.
    """

    def __init__(
        self, plan: Plan, config: Mapping[str, Any], trainer: Mapping[str, Any], joint: bool
    ) -> None:
        self.plan, self.config, self.trainer = plan, config, trainer
        self.joint: bool = joint if config["joint"] is None else config["joint"]
        every = tuple(plan.tasks)
        left_out = known("teacher.leave_out", config["leave_out"], every)
        # Low-resource tasks are rows of others, and are not learnt with them.
        self.names = tuple(task for task in every if task not in {*left_out, *plan.draws})
        if not self.names:
            raise UserError("teacher.leave_out leaves the teacher no task.")
        self.folders = find_folders(config["pretrained"], every)
        self.refine: Mapping[str, Any] | None = config["refine"] if self.joint else None
        if config["refine"] and not self.joint:
            raise UserError(
                "teacher.refine refines a teacher of all tasks: set teacher.joint=true."
            )
        if self.joint and isinstance(config["pretrained"], Mapping):
            raise UserError(
                "teacher.pretrained names a folder a task, but the tasks are to share a teacher: "
                "set teacher.joint=false."
            )
        self.tokenizer = self._tokenizer()

    @property
    def folder(self) -> Path | None:
        """The encoder before its fine-tuning, if all tasks start from one; else None."""
        found = set(self.folders.values())
        return found.pop() if len(found) == 1 else None

    @property
    def precision(self) -> str:
        """In which what is learnt from is made, stored or live."""
        return precision(self.config["store_precision"], self.trainer["accelerator"])

    @property
    def live(self) -> dict[str, str]:
        """What decides the outputs of a live teacher, beside its weights."""
        return {} if self.precision == "32-true" else {"teacher_precision": self.precision}

    @property
    def groups(self) -> list[Group]:
        """The tasks that share a teacher at the end."""
        alone = not self.joint or self.refine is not None
        return [(name,) for name in self.plan.tasks] if alone else [self.names]

    def nodes(self) -> dict[Group, Node]:
        """The teachers whose outputs are learnt from, by their tasks."""
        return {group: self.of(group) for group in self.groups}

    @property
    def identity(self) -> frozenset[str]:
        """What tells these teachers from others."""
        return frozenset(node.fingerprint for node in self.nodes().values())

    def of_task(self, task: str) -> Node:
        """The teacher of a task."""
        for group in self.groups:
            if task in group:
                return self.of(group)
        raise UserError(
            f"The teacher leaves task {task} out (teacher.leave_out): so must a student."
        )

    def of(self, group: Group) -> Node:
        """A teacher of `groups`: a network, or an ensemble of them."""
        count = self.config["ensemble"]
        members = [self._network(group, self.config["seed"] + n) for n in range(count)]
        if count == 1:
            return members[0]
        parents = {"tokenizer": self.tokenizer}
        parents |= {f"member/{number}": node for number, node in enumerate(members)}
        return Node("ensemble", "+".join(group), {"tasks": self.plan.about(group)}, parents)

    def body(self) -> tuple[dict[str, Node], Path | None]:
        """The network that plain text is read by: all tasks' teacher, or the plain encoder.

        It is an artifact, by the role `teacher`, or a model folder.

        Raises:
            UserError: if it would be an encoder with random weights.
        """
        if self.joint:
            return {"teacher": self._trained(self.names, self.config["seed"])}, None
        if node := self._pretrain():
            return {"teacher": node}, None
        if self.folder is None:
            raise UserError(
                "A plain teacher with random weights teaches nothing: name an encoder "
                "(teacher.pretrained=DIR), have one trained on text (+teacher.pretrain), or train "
                "it on the tasks (teacher.joint=true)."
            )
        return {}, self.folder

    def _pretrain(self) -> Node | None:
        """The encoder trained on plain text that the teachers start from, if they do."""
        settings = self.config["pretrain"]
        if self.folder or not settings:
            return None
        self.check_reach("block_length")
        shape = {key: self.config[key] for key in ("shape", "embedding_std", "seed")}
        training = mixed(settings["precision"], self.trainer)
        config = {**settings, **shape, **lightning(self.trainer), "precision": training}
        parents = {"tokenizer": self.tokenizer, "corpus": self.plan.blocks(self.tokenizer)}
        return Node("pretrain", "", config, parents, self._runtime(training), True)

    def common(self, group: Group) -> Node | None:
        """The network that all teachers of some tasks were made from, if they share one."""
        seed = self.config["seed"]
        if self.joint:
            return self._trained(self.names, seed)
        return self._trained(group, seed) if len(group) == 1 else None

    def content(self, key: str) -> str:
        """Identifies the weights of the encoder before its fine-tuning.

        Raises:
            UserError: if it is trained from random weights.
        """
        if self.folder is None:
            raise UserError(f"{key}=pretrained needs teacher.pretrained=DIR.")
        return model_hash(self.folder)

    def shape(self) -> dict[str, Any]:
        """Fields of the (first) encoder's Hugging Face configuration."""
        folder = self.folders[self.names[0]]
        return model_shape(folder) if folder else usual(self.config["shape"])

    def check_reach(self, *keys: str) -> None:
        """Refuses texts, by keys of `data`, that are longer than its encoder can read."""
        more = "pretrained=DIR" if any(self.folders.values()) else "shape.max_position_embeddings"
        check_reach(self.plan.data, keys, self.shape(), "teacher", f"more with teacher.{more}")

    def outputs(self, task: str, text: Node) -> Node:
        """What the teacher says of a transfer set."""
        config = {"task": task, "precision": self.precision}
        parents = {"teacher": self.of_task(task), "tokens": self.plan.tokens(text, self.tokenizer)}
        about = self._runtime(self.precision) | {"batch_tokens": 2048}
        return Node("teacher_outputs", task, config, parents, about, True)

    def _network(self, group: Group, seed: int) -> Node:
        """One network: trained on its tasks, or refined on one of them after all."""
        if self.refine is not None:
            start = self._trained(self.names, seed)
            return self._trained(group, seed, self.refine, start)
        return self._trained(group, seed)

    def _trained(
        self,
        group: Group,
        seed: int,
        changes: Mapping[str, Any] | None = None,
        start: Node | None = None,
    ) -> Node:
        teacher = self._settings(group, {**(changes or {}), "seed": seed}, start is None)
        folder = None if start else self.folders[group[0]]
        pretrain = None if start else self._pretrain()
        config = {
            **teacher,
            **lightning(self.trainer),
            "pretrained": model_hash(folder) if folder else None,
            "tasks": self.plan.about(group),
        }
        parents = {"tokenizer": self.tokenizer}
        for task in group:
            rows = self.plan.rows_for(group, task)
            parents[f"tokens/{task}"] = self.plan.tokens(rows, self.tokenizer)
        if start:
            parents["start"] = start
        if pretrain:
            parents["pretrain"] = pretrain
        about = self._runtime(teacher["precision"]) | {"pretrained": folder and str(folder)}
        label = "+".join(group) + (" (refined)" if start else "")
        label += f" (seed {seed})" if self.config["ensemble"] > 1 else ""
        return Node("teacher", label, config, parents, about, distributed=True)

    def _settings(self, group: Group, changes: Mapping[str, Any], fresh: bool) -> dict[str, Any]:
        """What decides a training; `fresh`: it does not go on from another teacher."""
        teacher = merged(self.config, changes)
        teacher["precision"] = mixed(teacher["precision"], self.trainer)
        mixing = teacher["mixing"]
        for key in UNTRAINED_KEYS:
            teacher.pop(key)
        if teacher["min_steps"] is None:
            teacher.pop("min_steps")
        if len(group) > 1:
            check_mixing("teacher.mixing", mixing, group)
            teacher["mixing"] = mixing
        if fresh and self._has_head(group):
            teacher["keep_head"] = True
        elif not teacher["max_epochs"]:
            raise UserError(
                f"teacher.max_epochs=0 takes the teacher of {', '.join(group)} as it is, but it "
                "brings no head for that: this needs a fine-tuned BertForSequenceClassification "
                "of one task with teacher.pooling=pooler. Fine-tune it (teacher.max_epochs=3)."
            )
        if self.folders[group[0]] or self._pretrain():
            teacher |= {"shape": None, "embedding_std": None}  # the encoder decides these
        return teacher

    def _has_head(self, group: Group) -> bool:
        """Whether the pretrained teacher brings the head of the only task."""
        folder = self.folders[group[0]]
        if folder is None or not self.config["keep_head"] or len(group) > 1:
            return False
        task = self.plan.tasks[group[0]]
        return self.config["pooling"] == "pooler" and check_labels(folder, task)

    def _tokenizer(self) -> Node:
        made = self.config["tokenizer"]
        found = [self.plan.tokenizer(folder, made) for folder in self.folders.values()]
        if len({node.fingerprint for node in found}) > 1:
            raise UserError(
                "teacher.pretrained: the teachers of the tasks have different tokenizers, and the "
                "student can read but one: train it on one task at a time."
            )
        return found[0]

    def _runtime(self, precision: str) -> dict[str, Any]:
        return runtime(self.trainer, precision) | {"threads": self.config["threads"]}
