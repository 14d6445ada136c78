"""Which files define the tasks that a command chooses."""

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from kdlight.schema import RunConfig
from kdlight.types import UserError

_known: dict[tuple[Any, ...], dict[str, list[str]]] = {}  # by search path and what tells


def check_tasks(hydra: Any) -> None:
    """Refuses two tasks of one name, of which Hydra would silently make one.

    Args:
        hydra: Hydra's own node of the configuration.

    Raises:
        UserError: with the name, the files and the remedy.
    """
    sources = tuple(str(source.path) for source in hydra.runtime.config_sources)
    words = [*hydra.overrides.hydra, *hydra.overrides.task]
    config = str(hydra.job.config_name)
    key = (sources, config, *filter(_tells, words))
    if key not in _known:
        _known[key] = _definitions(config, words)
    for name, files in _known[key].items():
        if len(files) > 1:
            raise UserError(
                f"Two tasks are called {name} ({', '.join(files)}): choose it once in "
                "'task=[...]', or give the key and the name in one of the files another."
            )


def _tells(word: str) -> bool:
    """Whether an override may change which files define tasks: no value does, nor most parts."""
    key = word.lstrip("+~").split("=")[0]
    group = re.split("[@.:/]", key)[0]
    return group not in RunConfig.__dataclass_fields__ or key in ("task", "scale")


def _definitions(config: str, words: Sequence[str]) -> dict[str, list[str]]:
    """The files that define each task; one that only sets values of it does not count."""
    loader: Any = GlobalHydra.instance().config_loader()
    _, files = loader._parse_overrides_and_create_caching_repo(config, list(words))
    found: dict[str, list[str]] = {}
    for each in loader.compute_defaults_list(config, list(words), RunMode.RUN).defaults:
        if each.package != "task" or each.config_path is None:
            continue
        loaded = files.load_config(each.config_path)
        for name, node in (loaded.config if loaded else {}).items():
            if hasattr(node, "keys") and "_target_" in node:
                found.setdefault(str(name), []).append(each.config_path)
    return found
