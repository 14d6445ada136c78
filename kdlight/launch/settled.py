"""From Hydra's configuration to the plain one that a job works with."""

import shlex
import sys
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from kdlight.launch.chosen import check_tasks
from kdlight.launch.keys import check_nodes
from kdlight.launch.numbers import check_numbers
from kdlight.launch.sweep.words import key_of
from kdlight.schema import check

EPOCHS, STEPS = "trainer.max_epochs", "trainer.max_steps"
NODES = ("task", "loss", "augmentation", "variants")


def typed_command() -> str:
    """This command as a shell takes it, without the folder that a sweep gives its job."""
    words = [word for word in sys.argv[1:] if not word.startswith("hydra.run.dir=")]
    return shlex.join(["python", "-m", "kdlight.run", *words])


def typed_keys(hydra: Any) -> set[str]:
    """What the words of a command, or of a sweep's job, name."""
    return set(map(key_of, hydra.overrides.task))


def settled(config: DictConfig) -> dict[str, Any]:
    """Plain containers without interpolations, checked.

    `hydra` of a job of a sweep is read for the choices, and left out.

    Raises:
        UserError: what is wrong with it.
    """
    hydra = config.get("hydra")
    about = hydra or HydraConfig.get()
    check_tasks(about)
    plain = cast(
        dict[str, Any],
        OmegaConf.to_container(
            OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]),
            resolve=True,
            throw_on_missing=True,
        ),
    )
    for group in NODES:
        plain[group] = plain[group] or {}  # an empty choice such as 'task=[]' is no node
    typed, trainer = typed_keys(about), plain["trainer"]
    if EPOCHS in typed and STEPS not in typed and trainer["max_epochs"] is not None:
        trainer["max_steps"] = None  # what is typed beats the steps of a scale
    check_nodes(plain)
    check(plain)
    check_numbers(plain)
    plain["command"] = typed_command()
    if hydra is not None:
        plain["student_name"] = hydra.runtime.choices["student"]
    return plain
