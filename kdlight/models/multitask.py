"""An encoder with one head a task: the shape of every teacher and every student."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from kdlight.types import LOGITS, Batch, ModelOutput, Shape


class Encoder(Protocol):
    """What `MultiTaskModel` asks of an encoder module.

    `reads` names the text forms it wants (`texts`, `joint`), `provides` the parts of
    `ModelOutput` it can give. One that provides more than logits also has a `shape` and
    `with_parts(batch, needs)`, which returns the features and the other parts in `needs`.
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
        outputs: (number of classes, is a pair) by task.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Callable[[int, int], nn.Module],
        outputs: Mapping[str, tuple[int, bool]],
    ) -> None:
        super().__init__()
        self.outputs = dict(outputs)
        self.encoder: Any = encoder
        self.heads = nn.ModuleDict(
            {
                task: head(encoder.num_features(pair), classes)
                for task, (classes, pair) in outputs.items()
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

    def forward(self, batch: Batch, needs: frozenset[str] = LOGITS) -> ModelOutput:
        """The outputs for the one task of the batch: logits, and what else is in `needs`.

        For text of no task (a name without a head) there are no logits.
        """
        if batch.task not in self.heads:
            return ModelOutput(**self.encoder.with_parts(batch, needs)[1])
        if needs <= LOGITS:
            return ModelOutput(logits=self.heads[batch.task](self.encoder(batch)))
        features, parts = self.encoder.with_parts(batch, needs - LOGITS)
        return ModelOutput(logits=self.heads[batch.task](features), **parts)
