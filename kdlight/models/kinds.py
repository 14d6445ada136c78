"""What a head does for each kind of task: which features it gets, and what its outputs mean."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kdlight.types import Batch, Output, UserError

NEVER = -8192.0
"""The logit of what cannot be chosen; finite, and a number that half precision holds exactly."""

MakeHead = Callable[[int, int], nn.Module]


class Kind(Protocol):
    """One kind of task."""

    per_token: bool  # whether the head gets a vector a token, else one a text

    def head(self, make: MakeHead, encoder: Any, output: Output) -> nn.Module:
        """A new head, from what makes one out of (features, classes)."""
        ...

    def logits(self, raw: Tensor, batch: Batch) -> Tensor:
        """The logits of the batch from the outputs of the head."""
        ...


class Text:
    """A decision or a grade for each text or pair."""

    per_token = False

    def head(self, make: MakeHead, encoder: Any, output: Output) -> nn.Module:
        """From the features of a row to its classes, or to a grade, from the middle one on.

        From zero on, every step would first of all have to raise all grades: at the rates of
        small networks that takes hundreds of them, and upsets what tasks share.
        """
        head = make(encoder.num_features(output.pair), output.classes)
        last = [module for module in head.modules() if isinstance(module, nn.Linear)][-1:]
        if output.grades and last and last[0].bias is not None:
            nn.init.constant_(last[0].bias, output.middle)
        return head

    def logits(self, raw: Tensor, batch: Batch) -> Tensor:
        """[batch classes], as they are."""
        del batch
        return raw


class Span:
    """Start and end of an answer, [batch 2 seq]; position 0 says that there is none.

    Devlin et al. 2019, arXiv 1810.04805, section 4.2 and 4.3. The head keeps the
    `null_threshold`, by how much "none" must beat the best answer; it is found on the selection
    rows, and infinite where every question there has an answer.
    """

    per_token = True

    def head(self, make: MakeHead, encoder: Any, output: Output) -> nn.Module:
        """From the features of a token to how well an answer starts and ends there."""
        width = getattr(encoder, "token_features", None)
        if width is None:
            raise UserError(
                f"A {type(encoder).__name__} gives no vector a token, which a span task needs: "
                "choose a Transformer, such as student=transformer3."
            )
        head = make(width, output.classes)
        head.register_buffer("null_threshold", torch.tensor(float("inf")))
        return head

    def logits(self, raw: Tensor, batch: Batch) -> Tensor:
        """[batch seq 2] to [batch 2 seq], with `NEVER` outside the context."""
        logits = raw.transpose(1, 2)
        if batch.context is None:
            return logits
        position = torch.arange(logits.shape[2], device=logits.device)
        first, after = batch.context[:, :1], batch.context[:, 1:]
        allowed = ((position >= first) & (position < after)) | (position == 0)
        return logits.masked_fill(~allowed[:, None], NEVER)


class Choice:
    """One logit an option, [batch options], `NEVER` where a row has fewer options."""

    per_token = False

    def head(self, make: MakeHead, encoder: Any, output: Output) -> nn.Module:
        """From the features of a text with one of its options to how well they go together."""
        return make(encoder.num_features(output.pair), output.classes)

    def logits(self, raw: Tensor, batch: Batch) -> Tensor:
        """[options of all rows, 1] to [batch options]."""
        if batch.options is None:
            return raw
        width = int(batch.options.max())
        real = torch.arange(width, device=raw.device) < batch.options[:, None]
        return raw.new_full(real.shape, NEVER).masked_scatter(real, raw[:, 0])


KINDS: Mapping[str, Kind] = {"text": Text(), "span": Span(), "choice": Choice()}
