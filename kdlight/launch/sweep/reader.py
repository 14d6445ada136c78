"""Hydra's files of configurations, each read once for all jobs of a sweep."""

from collections.abc import Iterable
from copy import copy, deepcopy
from typing import Any

from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.config_source import ConfigResult


class ReadOnce(ConfigRepository):
    """Hands out a copy of a file whenever a configuration is composed, which changes it.

    Args:
        sources: folders and the like, in the order in which a file is looked for.
    """

    def __init__(self, sources: Iterable[Any]) -> None:
        self.sources = list(sources)
        self._read: dict[str, ConfigResult | None] = {}
        self._elsewhere: dict[str, dict[str, ConfigResult | None]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "ReadOnce":
        """What a composition begins with, since it may change the sources."""
        del memo
        made = copy(self)
        made.sources = list(self.sources)
        return made

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        """Other sources, other files."""
        super().initialize_sources(config_search_path)
        self._read = self._elsewhere.setdefault(str(config_search_path), {})

    def load_config(self, config_path: str) -> ConfigResult | None:
        """A file of its own for each caller."""
        if config_path not in self._read:
            self._read[config_path] = super().load_config(config_path)
        if (found := self._read[config_path]) is None:
            return None
        found = copy(found)
        found.config = deepcopy(found.config)
        return found


def read_once(loader: Any) -> None:
    """Makes a config loader of Hydra read every file once."""
    repository: IConfigRepository = loader.repository
    if not isinstance(repository, ReadOnce):
        loader.repository = ReadOnce(repository.get_sources())
