"""An encoder with one head a task: the shape of every teacher and every student."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from torch import Tensor, nn

from kdlight.models.kinds import KINDS
from kdlight.types import LOGITS, Batch, ModelOutput, Output, Shape


class Encoder(Protocol):
    """What `MultiTaskModel` asks of an encoder module.

    `reads` names the text forms it wants (`texts`, `joint`), `provides` the parts of
    `ModelOutput` it can give. One that provides more than logits also has a `shape` and
    `with_parts(batch, needs)`, which returns the features and the other parts in `needs`, and, to
    learn from text of no task, `parts(batch, needs)`, which returns the parts alone.
    One that can give a vector a token says how wide it is (`token_features`), and takes
    `tokens=True` in both calls.
    """

    reads: frozenset[str]
    provides: frozenset[str]

    def num_features(self, pair: bool) -> int:
        """Width of the features for one text or for a pair."""
        ...

    def __call__(self, batch: Batch) -> Tensor:
        """Features, [batch num_features]."""
        ...


class MultiTaskModel(nn.Module):
    """One shared encoder and a head for each task; a batch names the head it needs.

    Args:
        encoder: the shared body.
        head: makes a head from (features, classes).
        outputs: (number of classes, is a pair, kind if not `text`) by task.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Callable[[int, int], nn.Module],
        outputs: Mapping[str, tuple[Any, ...]],
    ) -> None:
        super().__init__()
        self.outputs = {task: Output(*output) for task, output in outputs.items()}
        self.encoder: Any = encoder
        self.heads = nn.ModuleDict(
            {
                task: KINDS[output.kind].head(head, encoder, output)
                for task, output in self.outputs.items()
            }
        )

    @property
    def reads(self) -> frozenset[str]:
        """Text forms the encoder wants."""
        return self.encoder.reads

    @property
    def provides(self) -> frozenset[str]:
        """Parts of `ModelOutput` that this network can give."""
        return self.encoder.provides

    @property
    def shape(self) -> Shape | None:
        """Of the encoder, where it is a Transformer."""
        return getattr(self.encoder, "shape", None)

    def unit(self, task: str) -> float:
        """What losses measure the outputs of a task in; 1 for text of no task."""
        return self.outputs[task].unit if task in self.outputs else 1.0

    def null_threshold(self, task: str) -> float:
        """By how much "no answer" must beat the best answer to a question of a span task."""
        return float(cast(Tensor, self.heads[task].null_threshold))

    def forward(self, batch: Batch, needs: frozenset[str] = LOGITS) -> ModelOutput:
        """The outputs for the one task of the batch: logits, and what else is in `needs`.

        For text of no task (a name without a head) there are no logits.
        """
        if batch.task not in self.heads:
            return ModelOutput(**self.encoder.parts(batch, needs))
        kind = KINDS[self.outputs[batch.task].kind]
        options = {"tokens": True} if kind.per_token else {}
        parts: Mapping[str, Any] = {}
        if needs <= LOGITS:
            features = self.encoder(batch, **options)
        else:
            features, parts = self.encoder.with_parts(batch, needs - LOGITS, **options)
        return ModelOutput(logits=kind.logits(self.heads[batch.task](features), batch), **parts)
