"""The allowed top-level configuration keys, and the checks that no single key can do."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kdlight.types import UserError

JOBS = (
    *("run", "teacher", "transfer_set", "teacher_outputs", "student", "evaluate"),
    *("benchmark", "report", "dashboard"),
)
STORE_PRECISIONS = ("auto", "32-true", "bf16-true")
SOURCES = ("embedded", "hub", "files")
AUGMENTATION_KEYS = ("seed", "n_iter", "keep_labels")  # of the node; the others are augmenters
LEARNS_FROM = ("teacher", "gold", "text")
STARTS = ("random", "teacher", "pretrained", "vectors")
MODES = ("static", "non-static", "multichannel")


@dataclass
class LowResourceConfig:
    """Tasks that are also learnt from few rows, each draw of them a task of its own."""

    tasks: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # a class
    draws: int = 3


@dataclass
class DataConfig:
    """Where rows come from, and how many of them are used."""

    source: str = "embedded"
    root: str | None = None
    max_rows: int | None = None  # train rows a task, for the teacher
    student_labels: int | None = None  # train rows whose labels the student may see
    unlabelled_rows: int | None = None  # unlabelled rows a task in the transfer set
    text: list[str] = field(default_factory=list)  # files of unlabelled text, for single texts
    text_rows: int | None = None  # sentences drawn from them
    text_words: list[int] = field(default_factory=lambda: [3, 40])  # fewest and most a sentence
    selection_rows: int = 500  # at most; never more than a tenth of train
    eval_rows: int | None = None
    eval_split: str = "dev"  # or held_out: a tenth of train; dev becomes that where there is none
    leave_out_evaluated: bool = True  # of rows for several tasks together: those another reports
    max_length: int = 128
    doc_stride: int = 128  # tokens between windows of a context; at most half of what fits
    batch_size: int = 64  # of the student, over all ranks
    seed: int = 0  # caps, selection split and embedded data
    lexicon: list[int] | None = None  # of embedded data: axes, words a side, topics; fewer: easier
    script: str | None = None  # of embedded data: characters: one a word, without spaces
    corpus: list[str] = field(default_factory=list)  # plain text: files, or hub:OWNER/NAME@CONFIG
    corpus_folder: str | None = None  # under root, of files: the plain text where corpus is empty
    corpus_rows: int | None = None  # lines of it, or of embedded text
    block_length: int = 128  # tokens of a block of it
    low_resource: LowResourceConfig = field(default_factory=LowResourceConfig)


@dataclass
class LauncherConfig:
    """What a job gets of the machine."""

    processes: int = 1
    gpus_per_job: int = 0
    max_parallel: int = 1
    cpus_per_job: int | None = None
    again: bool = False


@dataclass
class ReportConfig:
    """Which finished runs `job=report` is about."""

    runs: str | None = None  # folders, as a glob pattern; null: all below outputs/runs
    groups: Any = None  # of tasks, whose means are told: their lists by name
    disregard: list[str] = field(default_factory=list)  # settings that tell no runs apart


@dataclass
class RunConfig:
    """One job. Nodes typed `Any` are config groups; their YAML says what is in them."""

    name: str = "custom"
    experiment_about: str = ""
    job: str = "run"
    seed: int = 0
    scale: str = "demo"
    selection: str = "train_split"
    baseline: bool = True
    outputs: str = "outputs"
    teacher: Any = None
    student: Any = None
    task: Any = None
    augmentation: Any = None
    loss: Any = None
    mixing: Any = None
    method: Any = None
    optimizer: Any = None
    schedule: Any = None
    trainer: Any = None
    logger: Any = None
    variants: Any = None
    data: DataConfig = field(default_factory=DataConfig)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    report: ReportConfig = field(default_factory=ReportConfig)


def check(config: Mapping[str, Any]) -> None:
    """Refuses what the types alone let through.

    Raises:
        UserError: with the key, what it holds, and the nearest valid value.
    """
    _one_of("job", config["job"], JOBS)
    _one_of("data.source", config["data"]["source"], SOURCES)
    _one_of("selection", config["selection"], ("train_split", "dev"))
    _one_of("teacher.floor", config["teacher"].get("floor", "error"), ("error", "warn"))
    if embeddings := config["student"].get("embeddings"):
        _one_of("student.embeddings.start", embeddings["start"], STARTS)
        _one_of("student.embeddings.mode", embeddings.get("mode", MODES[0]), MODES)
    else:
        _one_of("student.start.from", config["student"]["start"]["from"], STARTS[:3])
    if pretrain := config["teacher"].get("pretrain"):
        _one_of("teacher.pretrain.start", pretrain["start"], ("mimetic", "random"))
    if config["teacher"]["pretrained"] is None and config["teacher"]["shape"] is None:
        raise UserError(
            "teacher.pretrained=null is a teacher made on the spot, whose shape nothing tells: add "
            "teacher=scratch, or name a folder or a model of the hub (teacher.pretrained=DIR)."
        )
    _one_of("teacher.store_precision", config["teacher"]["store_precision"], STORE_PRECISIONS)
    for group in ("task", "loss"):
        _check_targets(group, config[group])
    _check_targets("augmentation", _without(config["augmentation"], AUGMENTATION_KEYS))
    if not config["task"]:
        raise UserError("No task is chosen: add for instance 'task=[sst2]'.")
    _one_of("method.learns_from", config["method"]["learns_from"], LEARNS_FROM)
    _one_of("teacher.source", config["teacher"].get("source", "stored"), ("stored", "live"))
    _check_data(config["data"])
    _check_text(config)
    _check_devices(config)
    _check_report(config["report"]["groups"])


def _check_report(groups: Any) -> None:
    of_lists = isinstance(groups, Mapping) and all(isinstance(of, list) for of in groups.values())
    if groups is not None and not of_lists:
        raise UserError(
            f"report.groups={groups}: expected names with lists of tasks, such as "
            "'report.groups={pairs: [rte,mrpc]}'."
        )


def _check_data(data: Mapping[str, Any]) -> None:
    if data["eval_split"] == "train":
        raise UserError(
            "data.eval_split=train would report rows that were learnt from: "
            "data.eval_split=held_out holds a part of train out."
        )
    if data["source"] == "files" and not data["root"]:
        raise UserError("data.source=files needs data.root=DIR, the folder of the task folders.")
    if data["source"] == "embedded":
        for key in ("max_rows", "eval_rows", "unlabelled_rows"):
            if data[key] is None:
                raise UserError(f"Embedded rows have no end: set data.{key}=, or use scale=demo.")
    if data["script"]:
        _one_of("data.script", data["script"], ("characters",))


def _check_text(config: Mapping[str, Any]) -> None:
    start = (config["method"].get("text") or {}).get("embeddings")
    if start not in (None, "teacher"):
        raise UserError(f"method.text.embeddings={start} must be teacher or null.")
    words = config["data"]["text_words"]
    if len(words) != 2 or not 1 <= words[0] <= words[1]:
        raise UserError(f"data.text_words={words} must be [fewest, most] words of a sentence.")
    if config["data"]["text"] and all(task.get("pair") for task in config["task"].values()):
        raise UserError(
            "data.text=[...] is text for tasks with one text a row; put further pairs into "
            "unlabelled.jsonl (text_a, text_b) in the folder of the task."
        )


def _check_devices(config: Mapping[str, Any]) -> None:
    trainer = config["trainer"]
    devices = trainer["devices"]
    for key in ("devices", "num_nodes"):
        if not isinstance(trainer[key], int) or trainer[key] < 1:
            raise UserError(f"trainer.{key}={trainer[key]} must be a whole number, 1 or more.")
    if trainer["num_nodes"] > 1 and not trainer["on_every_node"]:
        raise UserError(
            "trainer.num_nodes needs the command that starts something on every machine: on SLURM "
            "trainer.on_every_node='srun --ntasks-per-node=1'."
        )
    devices *= trainer["num_nodes"]
    if trainer.get("accumulate_grad_batches", 1) != 1:
        raise UserError("trainer.accumulate_grad_batches is not supported: lower data.batch_size.")
    of_text = (config["method"].get("text"), config["teacher"].get("pretrain"))
    for key, node in zip(
        ("data", "teacher", "method.text", "teacher.pretrain"),
        (config["data"], config["teacher"], *of_text),
        strict=True,
    ):
        size = (node or {}).get("batch_size", devices)
        if size % devices:
            raise UserError(
                f"{key}.batch_size={size} must be a multiple of the {devices} devices, since "
                "every rank gets an equal part of each batch."
            )


def check_keys(node: str, keys: Iterable[str], valid: Collection[str]) -> None:
    """Refuses keys of a node that nothing reads.

    Raises:
        UserError: with the key, and the nearest that there is.
    """
    for key in keys:
        if key not in valid:
            hint = nearest(key, valid) or f"; there are {', '.join(valid)}"
            raise UserError(f"{node}.{key} is no such key{hint}")


def nearest(word: str, valid: Iterable[str]) -> str:
    """`'; did you mean a or b?'` with the closest valid words, or the empty string."""
    close = difflib.get_close_matches(word, list(valid), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _one_of(key: str, value: object, valid: tuple[str, ...]) -> None:
    if value not in valid:
        hint = nearest(str(value), valid)
        raise UserError(f"{key}={value} is not one of {', '.join(valid)}{hint}")


def _without(node: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in keys}


def _check_targets(group: str, nodes: Mapping[str, Any]) -> None:
    if "_target_" in nodes:
        raise UserError(
            f"A file of {group}/ holds its settings without its name: expected `NAME:` in its "
            "first line, as the file is called, and the settings indented below it."
        )
    complete = [k for k, v in nodes.items() if isinstance(v, Mapping) and "_target_" in v]
    for name, node in nodes.items():
        if name not in complete:
            keys = ", ".join(node) if isinstance(node, Mapping) else repr(node)
            hint = nearest(name, complete)
            raise UserError(
                f"{group}.{name} ({keys}) has no _target_: choose it first with "
                f"'{group}=[{name}]' or remove what is set on it (a YAML "
                f"of your own needs the line `_target_:` as those in conf/{group}){hint}"
            )
