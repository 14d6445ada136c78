"""What every method shares: optimizer, schedule, per-task validation, the guard on the loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from kdlight.methods.optimizers import RowOptimizer, only_touched_rows
from kdlight.methods.reach import tied, unreached
from kdlight.metrics.scores import TaskScores, macro
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import PretrainedEncoder
from kdlight.models.sharding import shard
from kdlight.types import Batch, UserError, settings_of

LOG_EVERY = 20
ELSEWHERE = "Another device met numbers that are not finite: lower the learning rate."


class DivergedError(UserError):
    """Numbers that are not finite: nothing that could be trained on is left."""


class TaskModule(L.LightningModule):
    """A network trained on batches of one task each; a method defines `loss`.

    Args:
        model: a `MultiTaskModel`.
        metrics: by task, in the order of the loaders, (metric names, number of outputs) or what
            collects its scores (`kdlight.methods.scoring`).
        optimizer: makes the optimizer from the parameters.
        schedule: makes the learning-rate schedule from (optimizer, total steps).
        total_steps: optimizer steps of the whole run.
        seed: of dropout, drawn anew for every step, so that a resumed run draws the same.
        task_weights: factor on the loss of a task; 1 for a task that is not named.

    Raises:
        UserError: if such a weight is negative or belongs to no task.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        metrics: Mapping[str, tuple[Sequence[str], int] | nn.Module],
        optimizer: Callable[..., torch.optim.Optimizer],
        schedule: Callable[..., Any],
        total_steps: int,
        seed: int,
        task_weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.model = model.train()  # pretrained networks come in evaluation mode
        self.scores: Any = nn.ModuleDict(
            {t: m if isinstance(m, nn.Module) else TaskScores(*m) for t, m in metrics.items()}
        )
        self._optimizer, self._schedule = optimizer, schedule
        self.total_steps, self.seed = total_steps, seed
        self.log_every = min(LOG_EVERY, total_steps)
        self._odd: str | None = None  # a task with numbers that are not finite, in validation
        self._idle: list[nn.Parameter] = []  # what the loss of the batch does not reach
        self.task_weights = dict(task_weights or {})
        for task, weight in self.task_weights.items():
            if task not in self.model.outputs or weight < 0:
                raise UserError(
                    f"method.module.task_weights.{task}={weight}: expected a task of this network "
                    f"({', '.join(self.model.outputs)}) and a weight that is not negative."
                )

    def configure_model(self) -> None:
        """Divides the parameters over the devices where the strategy does so."""
        if self._device_mesh is not None:
            shard(self.model, self._device_mesh["data_parallel"])

    def on_fit_start(self) -> None:
        """Chooses what is fast on the device."""
        for part in self.model.modules() if self.device.type == "cpu" else ():
            if isinstance(part, PretrainedEncoder):
                part.attend_plainly()

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG002
        """The scalar to minimise, before the weight of the task, and its terms for the log."""
        raise TypeError(f"{type(self).__name__} defines no loss")

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Seeds dropout from (seed, step, rank)."""
        seed = (self.seed * 1_000_003 + batch_idx) * 64 + self.global_rank
        # `torch.manual_seed` notes every call for devices that are not in use, for ever.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step on one task."""
        total, parts = self.loss(batch)
        total = self.task_weights.get(batch.task, 1.0) * total
        odd = not bool(torch.isfinite(total))
        if self._anywhere(odd):
            raise DivergedError(self._found(batch, total, batch_idx) if odd else ELSEWHERE)
        if (batch_idx + 1) % self.log_every == 0:
            named = {f"train/{batch.task}/{name}": value for name, value in parts.items()}
            self.log_dict({"train/loss": total.detach(), **named}, batch_size=len(batch))
        if self.trainer.world_size > 1 and self._device_mesh is None:
            # A group adds up the gradients of all parameters, and waits for each of them.
            self._idle = list(unreached(total, self.parameters()))
            total = tied(total, self._idle)
        return total

    def _anywhere(self, odd: bool) -> bool:
        """Whether something holds on any device; all of them stop together."""
        if self.trainer.world_size == 1:
            return odd
        return bool(self.trainer.strategy.reduce_boolean_decision(odd, all=False))

    def _found(self, batch: Batch, total: Tensor, step: int) -> str:
        """What is wrong with a batch; its rows no device can tell alone of a divided network."""
        rows = "" if self._device_mesh is not None else f" (rows {self._suspects(batch)})"
        remedy = "lower the learning rate" + " or check these rows" * bool(rows)
        return (
            f"The loss of task {batch.task} is {float(total.detach())} at step {step}{rows}: "
            f"{remedy}."
        )

    def logits(self, batch: Batch) -> list[Tensor]:
        """Those of all networks that a loss of the batch is made from, [batch ...] each."""
        return [self.model(batch).part("logits")]

    def _suspects(self, batch: Batch) -> str:
        """The ids of a few rows of which some number is wrong, or of the first few."""
        wrong = torch.zeros(len(batch), dtype=torch.bool, device=self.device)
        if batch.task in self.model.outputs:
            with torch.no_grad():
                for found in self.logits(batch):  # minus infinity: what cannot be an answer
                    odd = found.isnan() | found.isposinf()
                    wrong |= odd.reshape(len(batch), -1).any(dim=1)
        chosen = batch.rows[wrong] if wrong.any() else batch.rows
        trained: Any = self.trainer.train_dataloader
        named = trained.rows[batch.task].example_ids(chosen[:8].tolist())
        return ", ".join([*named, "..."] if len(chosen) > len(named) else named)

    def on_before_backward(self, loss: Tensor) -> None:
        """What holds the gradient of an earlier batch of the same step keeps it."""
        del loss
        self._idle = [parameter for parameter in self._idle if parameter.grad is None]

    def on_after_backward(self) -> None:
        """What the loss does not reach has no gradient: a zero would be moved by momentum."""
        for parameter in self._idle:
            parameter.grad = None

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Feeds the metrics of the batch's task."""
        del batch_idx, dataloader_idx
        logits = self.model(batch).logits
        if not torch.isfinite(logits).all():
            self._odd = batch.task
            return
        spans = batch.context is not None
        self.scores[batch.task].update(logits, batch if spans else batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Logs `val/<task>/<metric>` and `val/macro`."""
        if self._anywhere(self._odd is not None):
            raise DivergedError(
                f"The network gives numbers that are not finite for task {self._odd} after step "
                f"{self.trainer.global_step}: lower the learning rate."
                if self._odd
                else ELSEWHERE
            )
        scores = {task: metric.compute() for task, metric in self.scores.items()}
        for task, metric in self.scores.items():
            metric.settle(self.model.heads[task])
            metric.reset()
        named = {f"val/{t}/{name}": v for t, values in scores.items() for name, v in values.items()}
        self.log_dict({**named, "val/macro": macro(scores)})

    def configure_optimizers(self) -> Any:
        """Optimizer and per-step schedule; a lazy optimizer moves only the rows a batch uses."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        with settings_of("optimizer"):
            optimizer = self._optimizer(parameters)
        if self.trainer.gradient_clip_val:
            # Lightning clips in mixed precision only what does not unscale gradients by itself.
            optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
        for module in self.modules():
            if not isinstance(module, nn.Embedding) or not isinstance(optimizer, RowOptimizer):
                continue
            if module.weight.requires_grad:
                only_touched_rows(module.weight)
                # No group can add up sparse gradients, and none can be clipped.
                alone = self.trainer.world_size == 1 and not self.trainer.gradient_clip_val
                module.sparse = alone
        with settings_of("schedule"):
            schedule = self._schedule(optimizer, self.total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
