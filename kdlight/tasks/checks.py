"""What cannot be a task, and is refused when its YAML is read."""

import re
from typing import TYPE_CHECKING

from kdlight.types import UserError

if TYPE_CHECKING:
    from kdlight.tasks.task import Task

KIND_METRICS = {
    "classification": ("accuracy", "f1", "matthews"),
    "regression": ("pearson", "spearman"),
    "span": ("exact_match", "f1"),
    "choice": ("accuracy",),
}
METRICS = ("accuracy", "f1", "matthews", "pearson", "spearman", "exact_match")
USUAL_METRICS = {**KIND_METRICS, "classification": ("accuracy",)}

# What the embedded generator of each kind yields: kind of task, texts a row, classes.
EMBEDDED: dict[str, tuple[str, int | None, int]] = {
    "sentiment": ("classification", 1, 2),
    "acceptability": ("classification", 1, 2),
    "paraphrase": ("classification", 2, 2),
    "inference": ("classification", 2, 3),
    "similarity": ("regression", 2, 0),
    "span": ("span", None, 0),
    "answerable": ("span", None, 0),
    "choice": ("choice", None, 0),
}
ANSWERS = ("words", "characters")
LAYOUTS = ("", "squad", "c3", "chid", "wsc")

_LISTS = ("labels", "metrics", "embedded_labels", "with_dev", "grade_range")
_MAPPINGS = ("columns", "files", "aliases", "more_eval")
_COLUMN_KEYS = ("text_a", "text_b", "label", "answers", "options", "id", "header", "test")
_HUB_KEYS = ("path", "name", "columns", "splits")
# What a `torch.nn.ModuleDict`, in which networks keep a part for each name, is itself;
# `smart_apply` comes to it from transformers.
TAKEN = frozenset((
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init",
    "children", "clear", "compile", "cpu", "cuda", "double", "dump_patches", "eval",
    "extra_repr", "float", "forward", "get_buffer", "get_extra_state", "get_parameter",
    "get_submodule", "half", "ipu", "items", "keys", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters", "parameters", "pop",
    "register_backward_hook", "register_buffer", "register_forward_hook",
    "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter",
    "register_state_dict_post_hook", "register_state_dict_pre_hook", "requires_grad_",
    "set_extra_state", "set_submodule", "share_memory", "smart_apply", "state_dict", "to",
    "to_empty", "train", "training", "type", "update", "values", "xpu", "zero_grad",
))  # fmt: skip


def check_taken(what: str, name: str) -> None:
    """Refuses a name that no part of a network can have.

    Raises:
        UserError: with `what` it is that has it.
    """
    if name in TAKEN:
        raise UserError(f"{what} cannot be called {name}: a network has that already; rename it.")


def check(task: "Task") -> None:
    """Refuses values that contradict each other or are not known.

    Raises:
        UserError: with the task, the key and what it may hold.
    """
    _check_name(task)
    _check_types(task)
    _check_kind(task)
    _check_labels(task)
    _check_embedded(task)
    _check_columns(task)
    _check_hub(task)


def _check_name(task: "Task") -> None:
    if not isinstance(task.name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", task.name):
        raise UserError(
            f"task name {task.name!r}: expected lower-case letters, digits and underscores, "
            "beginning with a letter"
        )
    check_taken("A task", task.name)
    if not isinstance(task.folder, str):
        raise UserError(f"task {task.name}: `folder` must name its folder under data.root")


def _check_types(task: "Task") -> None:
    for key in ("max_rows", "eval_rows"):
        value = getattr(task, key)
        if value is not None and (type(value) is not int or value < 1):
            raise UserError(f"task.{task.name}.{key}={value} must be a whole number of 1 or more.")
    wrong = [(key, "a list") for key in _LISTS if not isinstance(getattr(task, key), tuple)]
    wrong += [(key, "a mapping") for key in _MAPPINGS if not isinstance(getattr(task, key), dict)]
    wrong += [
        (key, "true or false")
        for key in ("pair", "skip_broken")
        if not isinstance(getattr(task, key), bool)
    ]
    if not wrong:
        wrong += [
            (f"files.{split}", "a list of file stems")
            for split, stems in task.files.items()
            if not isinstance(stems, tuple)
        ]
        wrong += [
            (f"more_eval.{name}", "the name of a split beside train and dev")
            for name, split in task.more_eval.items()
            if not isinstance(split, str) or split in ("train", "dev", "unlabelled")
        ]
        wrong += [
            ("grade_range", "two numbers")
            for bound in task.grade_range
            if not isinstance(bound, (int, float))
        ]
    for key, expected in wrong[:1]:
        raise UserError(f"task {task.name}: `{key}` must be {expected}")


def _check_kind(task: "Task") -> None:
    if task.kind not in KIND_METRICS:
        raise UserError(
            f"task {task.name}: kind {task.kind!r} is unknown; valid: {', '.join(KIND_METRICS)}"
        )
    for metric in task.metrics:
        if metric not in METRICS:
            raise UserError(
                f"task {task.name}: metric {metric!r} is unknown; valid: {', '.join(METRICS)}"
            )
        if metric not in KIND_METRICS[task.kind]:
            raise UserError(
                f"task {task.name}: metric {metric} does not fit a {task.kind} task; "
                f"valid for it: {', '.join(KIND_METRICS[task.kind])}"
            )
    if task.kind == "classification" and "f1" in task.metrics and len(task.labels) > 2:
        raise UserError(f"task {task.name}: f1 is that of the second of two labels; use accuracy")

    for key, value, valid in (
        ("layout", task.layout, LAYOUTS),
        ("answers", task.answers, ANSWERS),
    ):
        if value not in valid:
            raise UserError(
                f"task {task.name}: {key} {value!r} is unknown; valid: "
                + ", ".join(filter(None, valid))
            )
    if not isinstance(task.longest_answer, int) or task.longest_answer < 1:
        raise UserError(f"task {task.name}: `longest_answer` must be a number of tokens, 1 or more")


def _check_labels(task: "Task") -> None:
    for label in task.labels:
        if not isinstance(label, str):
            raise UserError(
                f"task {task.name}: label {label!r} is not a string; quote every label "
                "(YAML reads a bare yes, no, on or off as true or false)"
            )
    if len(set(task.labels)) < len(task.labels):
        raise UserError(f"task {task.name}: a label stands twice in {list(task.labels)}")
    if task.kind == "classification" and len(task.labels) < 2:
        raise UserError(f"task {task.name}: classification needs two or more `labels`")
    if task.kind != "classification" and task.labels:
        raise UserError(f"task {task.name}: a {task.kind} task has no `labels`; leave them empty")
    for alias, label in task.aliases.items():
        if label not in task.labels:
            raise UserError(
                f"task {task.name}: alias {alias!r} stands for {label!r}, "
                f"which is not one of {list(task.labels)}"
            )
    if len(task.grade_range) != 2 or not task.grade_range[0] < task.grade_range[1]:
        raise UserError(f"task {task.name}: `grade_range` must be [lowest, highest]")


def _check_embedded(task: "Task") -> None:
    if task.embedded is None:
        return
    if task.embedded not in EMBEDDED:
        raise UserError(
            f"task {task.name}: embedded generator {task.embedded!r} is unknown; "
            f"valid: {', '.join(EMBEDDED)} or null"
        )
    kind, texts, classes = EMBEDDED[task.embedded]
    if kind != task.kind or texts not in (None, 1 + task.pair):
        raise UserError(
            f"task {task.name}: embedded generator {task.embedded} makes {kind} rows"
            f"{'' if texts is None else f' of {texts} text(s)'}, which do not fit the task"
        )
    reached = task.embedded_labels or tuple(range(classes))
    if len(reached) != classes or set(reached) != set(range(len(task.labels))):
        raise UserError(
            f"task {task.name}: embedded generator {task.embedded} has {classes} classes, the "
            f"task {len(task.labels)}; `embedded_labels` must give each of the generator's "
            "classes a class of the task and leave none of them out"
        )


def _check_columns(task: "Task") -> None:
    if not isinstance(task.columns.get("test", {}), dict):
        raise UserError(f"task {task.name}: `columns.test` must be a mapping")
    for columns in (task.columns, task.columns.get("test", {})):
        unknown = sorted(set(columns) - set(_COLUMN_KEYS))
        if unknown:
            raise UserError(
                f"task {task.name}: unknown key {unknown[0]!r} in `columns`; "
                f"valid: {', '.join(_COLUMN_KEYS)}"
            )
    if "text_b" in task.columns and not task.pair:
        raise UserError(f"task {task.name}: `columns` names a text_b; say `pair: true` as well")
    if not task.columns.get("header", True):
        named = [k for k in ("text_a", "text_b", "label", "id") if k in task.columns]
        if any(not isinstance(task.columns[key], int) for key in named):
            raise UserError(
                f"task {task.name}: with `header: false` the columns are numbers counted from 0"
            )


def _check_hub(task: "Task") -> None:
    if task.hub is None:
        return
    if not isinstance(task.hub, dict):
        raise UserError(f"task {task.name}: `hub` must be a mapping or null")
    unknown = sorted(set(task.hub) - set(_HUB_KEYS))
    missing = [key for key in ("path", "columns", "splits") if not task.hub.get(key)]
    if unknown or missing:
        raise UserError(
            f"task {task.name}: `hub` takes path, name, columns and splits; "
            + (f"unknown: {unknown[0]}" if unknown else f"missing: {missing[0]}")
        )
    if not isinstance(task.hub["columns"], dict) or not isinstance(task.hub["splits"], dict):
        raise UserError(f"task {task.name}: `hub.columns` and `hub.splits` must be mappings")
