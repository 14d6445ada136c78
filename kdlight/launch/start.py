"""What a student looks like and starts from, where that depends on its teachers."""

import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kdlight.launch.graph import Node
from kdlight.launch.reach import check_reach
from kdlight.launch.reading import start_table, vector_file
from kdlight.launch.teachers import Group, Teachers
from kdlight.losses.layer_map import MAPS, layer_pairs, patient_pairs
from kdlight.losses.relation_shape import check_weights, relation_shape
from kdlight.models.field_names import usual
from kdlight.models.layer_init import check_fit, start_layers
from kdlight.types import UserError, settings_of

log = logging.getLogger("kdlight")
LAYER_LOSSES = "kdlight.losses.layers."
PKD = f"{LAYER_LOSSES}PKD"
RELATION = "kdlight.losses.relation.Relation"


class Start:
    """A fresh student of some tasks.

    Args:
        teachers: of its arm.
        student: its configuration node.
        losses: those it learns from; none on gold labels.
        group: its tasks.
        on_text: whether it learns plain text, its teacher's body at its side, before its tasks.
    """

    def __init__(
        self,
        teachers: Teachers,
        student: Mapping[str, Any],
        losses: Mapping[str, Any],
        group: Group,
        on_text: bool = False,
    ) -> None:
        self.teachers, self.student, self.group = teachers, student, group
        self.on_text = on_text
        self.embeddings: Mapping[str, Any] | None = student.get("embeddings")
        inner = (LAYER_LOSSES, RELATION)
        self.losses = {k: v for k, v in losses.items() if v["_target_"].startswith(inner)}
        self._check_losses(on_text or teachers.config["source"] == "live")

    @cached_property
    def origin(self) -> str:
        """Where weights come from: `teacher`, `pretrained`, `vectors` or `random`.

        A student of tasks with a teacher each starts from what these teachers were made from: the
        encoder before its fine-tuning, or random weights.
        """
        wanted: str = (self.embeddings or {}).get("start") or self.student["start"]["from"]
        if wanted != "teacher" or self._teacher() is not None:
            return wanted
        found = "pretrained" if self.teachers.folder else "random"
        log.info("%s: a teacher each, so their student starts from %s weights",
                 ", ".join(self.group), found)  # fmt: skip
        return found

    def config(self) -> dict[str, Any]:
        """The student's node, with all that its shape takes from the teacher's."""
        if self.embeddings:
            # Not where a file lies, but what its table holds.
            kept = {key: value for key, value in self.embeddings.items() if key != "path"}
            if self.origin == "random" and not kept["dim"]:
                kept["dim"] = self.teachers.shape()["hidden_size"]
            return {**self.student, "embeddings": {**kept, "start": self.origin}}
        encoder, start = self.student["encoder"], self.student["start"]
        shape, theirs = self._shape()
        pooling = encoder["pooling"] or self.teachers.config["pooling"]
        texts = ("max_length", "block_length") if self.on_text else ("max_length",)
        more = "more with student.encoder.shape.max_position_embeddings"
        check_reach(self.teachers.plan.data, texts, shape, "student", more)
        if self.origin != "random":
            with settings_of("student.start"):
                depth = theirs["num_hidden_layers"]
                start_layers(start["layers"], shape["num_hidden_layers"], depth)
                check_fit(shape, theirs, self._has_pooler(pooling))
        for name, loss in self.losses.items():
            with settings_of(f"loss.{name}"):
                _check_layers(loss, shape, theirs)
        start = {**start, "from": self.origin}
        if self.origin == "pretrained":
            start["content"] = self.teachers.content("student.start.from")
        encoder = {**encoder, "shape": shape, "pooling": pooling}
        return {**self.student, "encoder": encoder, "start": start}

    def parents(self, tokenizer: Node, notes: Path) -> dict[str, Node]:
        """Artifacts that the weights come from; `notes` are those of `vector_file`."""
        if not self.embeddings:
            return self.layers()
        if self.origin == "pretrained":
            content = self.teachers.content("student.embeddings.start")
            assert self.teachers.folder
            found: tuple[Path, str] | None = (self.teachers.folder, content)
        else:
            found = vector_file(self.embeddings, notes)
        theirs = {"teacher_tokenizer": self.teachers.tokenizer}
        found_teacher = self._teacher() if self.origin == "teacher" else None
        theirs |= {"teacher": found_teacher} if found_teacher else {}
        table = start_table(self.origin, "+".join(self.group), tokenizer, theirs, found)
        return {"table": table} if table else {}

    def layers(self) -> dict[str, Node]:
        """The teacher that a Transformer's layers are copied from."""
        found = self._teacher() if self.origin == "teacher" else None
        return {"layers": found} if found else {}

    def runtime(self) -> dict[str, str]:
        """The folder that layers are copied from, whose content counts and not its place."""
        copied = self.origin == "pretrained" and not self.embeddings
        return {"layers": str(self.teachers.folder)} if copied else {}

    def _shape(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fields of the Hugging Face configurations of student and teacher."""
        theirs = self.teachers.shape()
        own = {k: v for k, v in self.student["encoder"]["shape"].items() if v is not None}
        own = usual({"model_type": theirs["model_type"], **own})
        alike = own["model_type"] == theirs["model_type"]
        return ({**theirs, **own} if alike else own), theirs

    def _teacher(self) -> Node | None:
        """The network that weights may come from, if there is one for all tasks."""
        if self.on_text:
            return self.teachers.body()[0].get("teacher")
        return self.teachers.common(self.group)

    def _has_pooler(self, pooling: str) -> bool:
        """Whether what a student starts from brings the pooler that it may need."""
        if pooling != "pooler" or self.origin == "pretrained":
            return True  # of a folder it is seen when it is loaded
        found = self._teacher()
        pretrained = found is not None and found.kind == "pretrain"
        return not pretrained and self.teachers.config["pooling"] == "pooler"

    def _check_losses(self, live: bool) -> None:
        _check_relations(self.losses)
        for name in self.losses:
            if self.teachers.config["ensemble"] > 1:
                raise UserError(
                    f"Loss {name} compares layers, and an ensemble has none of its own: set "
                    "teacher.ensemble=1."
                )
            if self.embeddings:
                raise UserError(f"Loss {name} compares layers: it needs a Transformer as student.")
            if not live:
                raise UserError(
                    f"Loss {name} needs the inner layers of the teacher, and the store holds its "
                    "logits only: set teacher.source=live."
                )


def _check_relations(losses: Mapping[str, Any]) -> None:
    """Refuses relations of several layers: a network keeps the vectors of one."""
    layers = {
        name: (loss.get("teacher_layer", -1), loss.get("student_layer", -1))
        for name, loss in losses.items()
        if loss["_target_"] == RELATION
    }
    if len(set(layers.values())) > 1:
        raise UserError(
            f"Losses {', '.join(layers)} compare relations of different layers, and a run can "
            "compare those of one: leave all but one out."
        )


def _check_layers(
    loss: Mapping[str, Any], student: Mapping[str, Any], teacher: Mapping[str, Any]
) -> None:
    """Refuses layers and heads that the networks do not have, before anything is trained."""
    if loss["_target_"] != RELATION:
        rule = patient_pairs if loss["_target_"] == PKD else layer_pairs
        rule(
            loss.get("layers", MAPS[0]), student["num_hidden_layers"], teacher["num_hidden_layers"]
        )
        return
    check_weights(loss.get("weights"))
    theirs, ours = (
        (shape["num_hidden_layers"], shape["hidden_size"]) for shape in (teacher, student)
    )
    layers = loss.get("teacher_layer", -1), loss.get("student_layer", -1)
    relation_shape(loss.get("heads"), layers, theirs, ours)
