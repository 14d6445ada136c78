"""The same work without kdlight's machinery: bare PyTorch loops over ready batches."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from kdlight.models.multitask import MultiTaskModel
from kdlight.types import Batch, ModelOutput

Loss = Callable[[ModelOutput, ModelOutput, Batch], tuple[Tensor, object]]


def bare_training(
    model: MultiTaskModel,
    batches: Sequence[Batch],
    targets: Sequence[ModelOutput],
    loss: Loss,
    block: int,
    half: bool = False,
) -> Iterator[None]:
    """Forward, loss, backward, PyTorch's own fastest optimizers; yields after `block` steps.

    Embedding tables get sparse gradients and `SparseAdam`, the rest the fused `AdamW`. `half`:
    under bf16 autocast.
    """
    tables = [m for m in model.train().modules() if isinstance(m, nn.Embedding)]
    for table in tables:
        table.sparse = True
    sparse = {id(table.weight) for table in tables if table.weight.requires_grad}
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([p for p in parameters if id(p) not in sparse], lr=1e-4, fused=True)
    ]
    if sparse:
        moved = [p for p in parameters if id(p) in sparse]
        optimizers.append(torch.optim.SparseAdam(moved, lr=1e-4))
    for number, (batch, target) in enumerate(zip(batches, targets, strict=True), start=1):
        for optimizer in optimizers:
            optimizer.zero_grad()
        with torch.autocast(batch.rows.device.type, torch.bfloat16, enabled=half):
            total = loss(model(batch), target, batch)[0]
        total.backward()
        for optimizer in optimizers:
            optimizer.step()
        if number % block == 0:
            if batch.rows.device.type != "cpu":
                torch.cuda.synchronize()
            yield


def bare_forward(
    model: MultiTaskModel, batches: Sequence[Batch], block: int, device: str
) -> Iterator[None]:
    """The network over ready batches, nothing kept; yields after `block` batches."""
    for number, batch in enumerate(batches, start=1):
        with torch.inference_mode():
            model(batch)
        if number % block == 0:
            if device != "cpu":
                torch.cuda.synchronize()
            yield
