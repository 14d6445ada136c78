"""Lightning's W&B logger, but one that cannot stop a training."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from kdlight.methods.tracking import end_run, trouble


class ForgivingWandbLogger(WandbLogger):
    """Logs to a W&B run until that fails, which is told once.

    Args:
        run: as `start_run` gave it.
    """

    def __init__(self, run: Any) -> None:
        super().__init__(experiment=run)
        self._run, self._works = run, True

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs what W&B still takes."""
        if self._works:
            try:
                super().log_metrics(metrics, step)
            except Exception as error:  # of W&B's many kinds, such as its process being gone
                self._works = False
                trouble(error, "log")

    def end(self, failed: bool) -> None:
        """Ends the run."""
        end_run(self._run, int(failed))
