"""Makes kdlight's sweepers and launchers known to Hydra."""

from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.remote import RayLauncher, SubmititLauncher
from kdlight.launch.sweep.sweeper import SweepSweeper

PACKAGE = "hydra_plugins.kdlight"  # Hydra takes plugins from such a package only
SWEEPER = {
    "params": {},
    "trials": None,
    "objectives": ["maximize selection_macro.student"],
    "sampler": {"_target_": "optuna.samplers.TPESampler", "seed": 0, "constant_liar": True},
    "pruner": {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 5},
    "storage": None,
    "study": None,
    "_recursive_": False,  # sampler and pruner are made when a search begins
}
SUBMITIT = {
    "cluster": None,  # slurm or local; null: slurm where there is one
    "max_parallel": 100,
    "parameters": {  # of submitit.AutoExecutor; null ones are left out
        "timeout_min": 240,
        "nodes": 1,
        "tasks_per_node": 1,
        "cpus_per_task": 4,
        **dict.fromkeys(("gpus_per_node", "mem_gb", "slurm_partition", "slurm_account")),
        **dict.fromkeys(("slurm_qos", "slurm_constraint", "slurm_additional_parameters")),
    },
}
RAY = {"address": None, "max_parallel": 100, "num_cpus": 1, "num_gpus": 0}


def register() -> None:
    """As `hydra/launcher=` and `hydra/sweeper=`; those called `kdlight` are the defaults."""
    _known("launcher", "kdlight", SweepLauncher)
    _known("launcher", "submitit", SubmititLauncher, SUBMITIT)
    _known("launcher", "ray", RayLauncher, RAY)
    _known("sweeper", "kdlight", SweepSweeper, SWEEPER)


def _known(group: str, name: str, plugin: Any, settings: dict[str, Any] | None = None) -> None:
    target = f"{PACKAGE}.{plugin.__name__}"
    Plugins.instance().register(plugin)
    Plugins.instance().class_name_to_class[target] = plugin
    node = OmegaConf.create({"_target_": target, **(settings or {})})
    ConfigStore.instance().store(group=f"hydra/{group}", name=name, node=node)
