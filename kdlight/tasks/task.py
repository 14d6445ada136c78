"""A task as data: what its rows look like, where they lie, and what it is scored by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kdlight.tasks.checks import USUAL_METRICS, check


@dataclass(frozen=True)
class Task:
    """One task; `conf/task/<name>.yaml` is a call of this constructor.

    Attributes:
        name: key under `task.` in the configuration.
        kind: `classification`, `regression`, `span` or `choice`.
        pair: whether a row has two texts (a span task always: question and context).
        labels: names of the classes in the official order; empty where there are no classes.
        metrics: names of the benchmark's own metrics for the task; where there are none, those
            that are usual for the kind.
        folder: folder of the task under `data.root`; `name` where none is said.
        embedded: kind of the embedded generator, or None where none fits.
        embedded_labels: class of the task for each class of the generator, where they differ.
        columns: columns of TSV and CSV files, keys of JSON lines: names, or numbers from 0 with
            `header: false`; what is not named is called `text_a`, `text_b`, `label`.
            `test` overrides them for test files, which official sets lay out differently.
        files: split -> further file stems under which official archives hold it.
        more_eval: name -> split of a set that is scored beside `dev` where the source has it; its
            metrics are called `<metric>_<name>`.
        with_dev: file stems that hold the dev rows too; reading train leaves those out.
        hub: path, name, columns and splits of the set on the Hugging Face hub, or None.
        grade_range: lowest and highest grade of a regression task.
        skip_broken: leave out rows with the wrong number of columns, an empty text or no
            agreed label (official QQP and SNLI have some) instead of refusing the file.
        aliases: other spelling of a label -> its name in `labels`.
        layout: of official JSON files that are no tables: one of `LAYOUTS` (`tasks.layouts`).
        answers: how answers of a span task are compared: as `words` (SQuAD's rule) or as
            `characters` (that of CMRC 2018).
        longest_answer: tokens of an answer that a span task looks for, at most.
        max_rows: train rows that are used, at most, in place of `data.max_rows`.
        eval_rows: rows that are reported, at most, in place of `data.eval_rows`.
    """

    name: str
    kind: str = "classification"
    pair: bool = False
    labels: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    folder: str = ""
    embedded: str | None = None
    embedded_labels: tuple[int, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict, hash=False)
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    more_eval: Mapping[str, str] = field(default_factory=dict, hash=False)
    with_dev: tuple[str, ...] = ()
    hub: Mapping[str, Any] | None = field(default=None, hash=False)
    grade_range: tuple[float, float] = (0.0, 5.0)
    skip_broken: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    layout: str = ""
    answers: str = "words"
    longest_answer: int = 30
    max_rows: int | None = None
    eval_rows: int | None = None

    def __post_init__(self) -> None:
        """Turn YAML containers into plain ones and refuse what cannot be a task."""
        for key in self.__dataclass_fields__:
            object.__setattr__(self, key, _plain(getattr(self, key)))
        usual: dict[str, Any] = {"folder": self.name, "metrics": USUAL_METRICS.get(self.kind, ())}
        usual |= {"pair": True} if self.kind == "span" else {}
        for key, value in usual.items():
            object.__setattr__(self, key, getattr(self, key) or value)
        check(self)

    @property
    def num_outputs(self) -> int:
        """Outputs of the task's head: one a class, one for a grade or an option, two for a span."""
        return 2 if self.kind == "span" else len(self.labels) or 1

    @property
    def reads_pairs(self) -> bool:
        """Whether an encoder reads two texts: of a choice task the second is an option."""
        return self.pair or self.kind == "choice"

    @property
    def special(self) -> dict[str, Any]:
        """What a network has to know of a task beyond classes and grades."""
        if self.kind == "span":
            return {"kind": "span", "answers": self.answers, "longest_answer": self.longest_answer}
        return {"kind": "choice"} if self.kind == "choice" else {}

    @property
    def grades(self) -> dict[str, Any]:
        """What a network has to know of grades."""
        return {"grades": list(self.grade_range)} if self.kind == "regression" else {}


def _plain(value: Any) -> Any:
    """Mappings as dicts and lists as tuples, all the way down (also OmegaConf's own)."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_plain(inner) for inner in value)
    return value
