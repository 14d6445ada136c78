"""The values that cross folder borders: a row of text, a batch, what a network returns.

Dimension names in docstrings: batch (rows), seq (tokens), hidden (width), heads (attention
heads), layers, classes (outputs of a head; one for a graded task).

Heavy libraries are imported for type checking only, so that the planner can use this file.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch


class UserError(Exception):
    """A mistake the user can mend; shown as one sentence, without a traceback."""


def first_line(error: BaseException) -> str:
    """What an error says, one line of it; of one that says nothing its kind."""
    return str(error).strip().split("\n")[0].strip() or type(error).__name__


@contextmanager
def settings_of(key: str) -> Iterator[None]:
    """Around what is built from settings: a value that its constructor refuses is the user's."""
    try:
        yield
    except (TypeError, ValueError, LookupError) as error:
        reason = first_line(error)
        raise UserError(f"The settings under {key} cannot be used: {reason:.300}") from error


@dataclass(frozen=True, slots=True)
class Answer:
    """A span answer: its text and the character at which it starts in `text_b`.

    `start` is -1 where the text does not stand in `text_b`; it still counts as a right answer.
    """

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a task.

    `id` is stable: the same row has the same id in every run (`train-17`). `label` is a class
    number, a grade, or None where no gold label is known. `source` says where the text comes
    from (`gold`, `unlabelled`, `text`, or the augmenter's name) and `parent` the id of the row
    that an augmenter started from, whose label it carries. Span tasks use `answers` (question
    in `text_a`, context in `text_b`; the label is 1 where there is an answer, 0 where there is
    none), choice tasks `options` (the label is the number of the right one).
    """

    id: str
    text_a: str
    text_b: str | None = None
    label: int | float | None = None
    source: str = "gold"
    parent: str | None = None
    answers: tuple[Answer, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What a stage gets: `config` and `inputs` decide the content of `out`, `runtime` does not.

    `inputs` maps a parent's name to its artifact folder; `runtime` holds devices, paths and
    logging. It travels to worker processes as JSON.
    """

    kind: str
    config: dict[str, Any]
    inputs: dict[str, str]
    out: str
    runtime: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Padded token ids of one text (or of two joined texts) a row.

    Shapes: `input_ids` and `token_type_ids` [batch seq], `lengths` [batch].
    """

    input_ids: "torch.Tensor"
    lengths: "torch.Tensor"
    token_type_ids: "torch.Tensor | None" = None

    @property
    def mask(self) -> "torch.Tensor":
        """True where a token is real, [batch seq]."""
        import torch

        positions = torch.arange(self.input_ids.shape[1], device=self.input_ids.device)
        return positions < self.lengths[:, None]

    def to(self, device: Any, **options: Any) -> "Tokens":
        """The same tokens on another device."""
        return _moved(self, device, options)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of exactly one task.

    Shapes: `rows` (row numbers in the encoded rows), `ids` (64-bit digests of the example
    ids) and `labels` [batch]; an unknown label is NaN. `texts` holds one or two texts encoded
    apart, `joint` the same text or pair as an encoder with special tokens reads it; a network
    says by its `reads` which of the two it wants, and the other may be missing. Of plain text
    with hidden tokens `places` [batch seq] is where they are, and `words` [places] which.

    A row of a span task is a window of a context: `labels` [batch 2] are the positions in `joint`
    of the answer's first and last token, both 0 where the window has none, and `context` [batch 2]
    the first position of the context and the one after its last. A row of a choice task has
    `options` [batch] texts, one an option: `texts` and `joint` hold those of all rows in turn.
    """

    task: str
    rows: "torch.Tensor"
    ids: "torch.Tensor"
    labels: "torch.Tensor"
    texts: tuple[Tokens, ...] = ()
    joint: Tokens | None = None
    context: "torch.Tensor | None" = None
    options: "torch.Tensor | None" = None
    places: "torch.Tensor | None" = None
    words: "torch.Tensor | None" = None

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: Any, **options: Any) -> "Batch":
        """The same batch on another device."""
        return _moved(self, device, options)


def _moved(value: Any, device: Any, options: dict[str, Any]) -> Any:
    def move(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(move(part) for part in item)
        return item.to(device, **options) if hasattr(item, "to") else item

    return replace(value, **{f.name: move(getattr(value, f.name)) for f in fields(value)})


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What a network, live or stored, gives for a batch.

    Shapes: `logits` [batch classes], of a span task [batch 2 seq]; `hidden_states` a tuple of
    [batch seq hidden], the embeddings first; `attentions` a tuple of [batch heads seq seq];
    `relations` maps `query`, `key` and `value` of one layer to [batch seq hidden], its heads side
    by side; `words` [places vocabulary]. What was not asked for is None.
    """

    logits: "torch.Tensor | None" = None
    hidden_states: "tuple[torch.Tensor, ...] | None" = None
    attentions: "tuple[torch.Tensor, ...] | None" = None
    relations: "Mapping[str, torch.Tensor] | None" = None
    words: "torch.Tensor | None" = None

    def part(self, name: str) -> Any:
        """A part that must be there, such as `logits`.

        Raises:
            ValueError: if the network or the store did not give it.
        """
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"the output holds no {name}; its source does not provide them")
        return value


LOGITS = frozenset({"logits"})


class Output(NamedTuple):
    """What a network gives for a task.

    Attributes:
        classes: outputs of its head: a class each, 1 for a grade or an option, 2 for a span.
        pair: whether the encoder reads two texts.
        kind: `text` (a decision or grade a row), `span` or `choice`.
        grades: lowest and highest grade of a graded task.
    """

    classes: int
    pair: bool
    kind: str = "text"
    grades: tuple[float, float] | None = None

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> "Output":
        """From what a plan says of a task."""
        grades = about.get("grades")
        kind = about.get("kind", "text")
        return cls(about["num_outputs"], about["pair"], kind, tuple(grades) if grades else None)

    @property
    def middle(self) -> float:
        """The middle grade; 0 for logits."""
        return sum(self.grades) / 2 if self.grades else 0.0

    @property
    def unit(self) -> float:
        """What losses measure the outputs in: half the range of grades; 1 for logits."""
        return (self.grades[1] - self.grades[0]) / 2 if self.grades else 1.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a Transformer: number of layers, width of its states, attention heads."""

    layers: int
    hidden: int
    heads: int


class TeacherSource(Protocol):
    """Where a teacher's outputs come from: the live network or the store.

    `shapes` are those of its Transformers, by task; empty where there are none.
    """

    provides: frozenset[str]
    reads: frozenset[str]
    shapes: Mapping[str, Shape]

    def watch(self, layer: int) -> None:
        """Makes a layer, counted from 0, the one whose relations are given."""
        ...

    def __call__(self, batch: Batch, needs: frozenset[str] = LOGITS) -> ModelOutput:
        """The parts in `needs` of the teacher's outputs for `batch`, without gradient."""
        ...
