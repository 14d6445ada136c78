"""Hydra's sweeper: all combinations of the values that are swept, or a search among them."""

from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.searching import Settings, search
from kdlight.launch.sweep.words import check_folders, check_listed, check_not_swept, key_of
from kdlight.types import UserError


class SweepSweeper(Sweeper):
    """`hydra/sweeper=kdlight`, the default.

    Hydra's own composes every job to see whether it can be; the launcher does so too, and checks
    more, so here it is left out.

    Args:
        params: values that are swept, by key, as a `+sweep=` file sets them; the command line
            comes after.
        trials: of a search among the values; None for all combinations.
        settings: of a search, see `Settings`.
    """

    def __init__(self, params: Mapping[str, Any], trials: int | None, **settings: Any) -> None:
        self.params = params
        self.settings = None if trials is None else Settings(trials, **settings)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra before the sweep."""
        self.config: Any = config
        self.loader = hydra_context.config_loader
        self.launcher: Any = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Launches the jobs; returns what the launcher does, or a search's best trials."""
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

        parser = OverridesParser.create(config_loader=self.loader)
        parsed = parser.parse_overrides(_with_params(self.params, arguments))
        check_folders(self.config.hydra.overrides.hydra)
        check_not_swept(o.get_key_element() for o in parsed if o.is_sweep_override())
        if self.settings:
            if not isinstance(self.launcher, SweepLauncher):
                raise UserError("A search needs hydra/launcher=kdlight, submitit or ray.")
            return search(self.settings, self.launcher, parsed)
        check_listed(parsed)
        (jobs,) = BasicSweeper.split_arguments(parsed, None)
        return [self.launcher.launch(jobs, initial_job_idx=0)]


def _with_params(params: Mapping[str, Any], arguments: list[str]) -> list[str]:
    """What is typed and, before it, what a `+sweep=` file sweeps beside that."""
    typed = set(map(key_of, arguments))
    swept = {key: value for key, value in params.items() if key_of(key) not in typed}
    return [f"{key}={value}" for key, value in swept.items()] + arguments
