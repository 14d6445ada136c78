"""The rows and tokens that a job needs, from its configuration; imports nothing heavy."""

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from kdlight.launch.checks import check_made_tokenizer, check_task_keys, check_task_names
from kdlight.launch.few import drawn
from kdlight.launch.graph import Node
from kdlight.launch.pretrained import tokenizer_hash
from kdlight.launch.reading import noted_commit, noted_hash
from kdlight.launch.splits import HELD_OUT, Splits, find_splits
from kdlight.launch.text import transfer_set
from kdlight.tasks.corpus import corpus_content, corpus_names, corpus_sources
from kdlight.tasks.reader import source_fingerprint
from kdlight.tasks.task import Task


class Plan:
    """What all arms of a job share. Each method makes one kind of node.

    Args:
        config: the resolved configuration, plain containers only.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        corpus = corpus_sources(corpus_names(config["data"]))
        self.data: Mapping[str, Any] = {**config["data"], "corpus": corpus}
        self.nodes = {name: {"name": name, **node} for name, node in config["task"].items()}
        few = drawn(self.nodes, self.data["low_resource"])
        self.draws = {name: draw for name, (_, draw) in few.items()}
        self.nodes |= {name: node for name, (node, _) in few.items()}
        for name, node in self.nodes.items():
            check_task_keys(name, node)
        self.tasks: dict[str, Task] = {n: instantiate(node) for n, node in self.nodes.items()}
        check_task_names(self.tasks)
        self._rows: dict[str, Node] = {}
        self.on_text = config["method"]["learns_from"] == "text"  # then no task's text is read

    @cached_property
    def splits(self) -> dict[str, Splits]:
        """The splits that are read, by task."""
        return {name: find_splits(task, self.data) for name, task in self.tasks.items()}

    def tokenizer(self, folder: Path | None, made: Mapping[str, Any] | None = None) -> Node:
        """The tokenizer of a teacher, which the student shares unless it has its own.

        Args:
            folder: of a pretrained teacher.
            made: how to make one from the corpus; without both it is the embedded lexicon's.
        """
        config: dict[str, Any] = {"pretrained": tokenizer_hash(folder) if folder else None}
        runtime: dict[str, Any] = {"pretrained": folder and str(folder)}
        if made and not folder:
            check_made_tokenizer(made)
            config |= {"made": {"lowercase": True, **made}, "corpus": self.corpus}
            runtime["corpus"] = self.data["corpus"]
        return Node("tokenizer", "", config, runtime=runtime)

    @cached_property
    def corpus(self) -> dict[str, Any]:
        """What decides the plain text of the job."""
        notes = Path(self.config["outputs"]) / "artifacts/files.json"
        asked = (partial(asks, notes=notes) for asks in (noted_hash, noted_commit))
        return corpus_content(self.data, *asked)

    def blocks(self, tokenizer: Node) -> Node:
        """The plain text as blocks of tokens."""
        config = {"corpus": self.corpus, "length": self.data["block_length"]}
        runtime = {"corpus": self.data["corpus"]}
        return Node("corpus", "", config, {"tokenizer": tokenizer}, runtime)

    def rows(self, task: str) -> Node:
        """The rows of a task, split and capped; the source is read once for its content."""
        if task not in self._rows:
            self._rows[task] = self._new_rows(task)
        return self._rows[task]

    def rows_for(self, group: tuple[str, ...], task: str) -> Node:
        """The rows of a task for a network that learns all of `group`.

        Several tasks together are learnt without rows that another task of the job reports. Of
        embedded data, whose tasks share their few words, nothing is left out.
        """
        whole = task.rsplit("_", 2)[0] if task in self.draws else task
        others = [name for name in self.tasks if name not in {whole, *self.draws}]
        wanted = self.data["leave_out_evaluated"] and self.data["source"] != "embedded"
        rows = self.rows(task)
        if not (wanted and len(group) > 1 and others):
            return rows
        kinds = {name: self.tasks[name].kind for name in (task, *others)}
        parents = {"rows": rows, **{f"evaluated/{name}": self.rows(name) for name in others}}
        return Node("joint_rows", task, {"task": task, "kinds": kinds}, parents)

    def _new_rows(self, task: str) -> Node:
        data, about = self.data, self.tasks[task]
        root, seed = data["root"], data["seed"]
        language = {key: data[key] for key in ("lexicon", "script")}
        embedded, found = data["source"] == "embedded", self.splits[task]
        splits = ["unlabelled"] if found.unlabelled else []
        reported = [] if found.reported == HELD_OUT else [found.reported]
        chosen = ["dev"] if self.config["selection"] == "dev" else []
        used = ["train", *reported, *found.beside.values(), *chosen, *splits]
        most = min(filter(None, (about.max_rows, data["max_rows"])), default=None)
        # Few rows are drawn from all; embedded rows have no end, and are cut off all the same.
        capped = embedded or task not in self.draws
        config = {
            "source": data["source"],
            "content": source_fingerprint(
                about, data["source"], root, list(dict.fromkeys(used)), seed, **language
            ),
            "splits": splits,
            "wanted_train": most + data["selection_rows"] if embedded else None,
            "selection": self.config["selection"],
            "max_rows": most if capped else None,
            **{key: data[key] for key in ROW_KEYS},
            **({"unlabelled_rows": 0} if self.on_text else {}),
            "eval_rows": about.eval_rows or data["eval_rows"],
            "eval_split": found.reported,
            **({"more_eval": found.beside} if found.beside else {}),
            **({"few": self.draws[task]} if task in self.draws else {}),
        }
        runtime = {"root": root, "task": self.nodes[task], "language": language}
        return Node("task_rows", task, config, runtime=runtime)

    def transfer_set(
        self, task: str, augmentation: Mapping[str, Any], group: tuple[str, ...] = ()
    ) -> Node:
        """The text of a student that learns all of `group`."""
        pair = self.tasks[task].reads_pairs
        # A draw of few rows a class is small and even already.
        data = {**self.data, "student_labels": None} if task in self.draws else self.data
        return transfer_set(task, self.rows_for(group, task), data, augmentation, pair)

    def tokens(self, rows: Node, tokenizer: Node) -> Node:
        """Rows as token ids."""
        config: dict[str, Any] = {"max_length": self.data["max_length"]}
        kind = self.tasks[rows.label].special.get("kind") if rows.label in self.tasks else None
        config |= {"kind": kind} if kind else {}
        config |= {"doc_stride": self.data["doc_stride"]} if kind == "span" else {}
        own = " (student)" if tokenizer.kind == "student_tokenizer" else ""
        parents = {"rows": rows, "tokenizer": tokenizer}
        return Node("tokens", f"{rows.kind} {rows.label}{own}", config, parents)

    def about(self, group: tuple[str, ...]) -> dict[str, Any]:
        """What a network has to know of its tasks."""
        return {
            name: {
                "num_outputs": self.tasks[name].num_outputs,
                "pair": self.tasks[name].reads_pairs,
                "metrics": list(self.tasks[name].metrics),
                **self.tasks[name].special,
                **self.tasks[name].grades,
            }
            for name in group
        }

    def evaluate(self, model: Node, group: tuple[str, ...], runtime: Mapping[str, Any]) -> Node:
        """Scores and predictions of a network on the evaluation rows."""
        parents = {"model": model}
        for task in group:
            parents[f"rows/{task}"] = self.rows(task)
            parents[f"tokens/{task}"] = self.tokens(self.rows(task), model.parents["tokenizer"])
        role = "teacher" if model.kind in ("teacher", "ensemble") else "student"
        config: dict[str, Any] = {"role": role, "tasks": self.about(group)}
        if any(self.tasks[task].special.get("answers") == "characters" for task in group):
            config["characters"] = 2  # raised by hand when that rule (`metrics.answers`) changes
        more = {task: list(self.splits[task].beside) for task in group if self.splits[task].beside}
        config |= {"more_eval": more} if more else {}
        return Node("evaluate", f"{model.kind} {model.label}", config, parents, runtime)


ROW_KEYS = ("unlabelled_rows", "selection_rows", "seed")
