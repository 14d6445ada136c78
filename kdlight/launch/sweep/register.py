"""Makes kdlight's sweeper and launcher known to Hydra."""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from kdlight.launch.sweep.launcher import SweepLauncher
from kdlight.launch.sweep.sweeper import SweepSweeper

PACKAGE = "hydra_plugins.kdlight"  # Hydra takes plugins from such a package only


def register() -> None:
    """As `hydra/launcher=kdlight` and `hydra/sweeper=kdlight`, which are the defaults."""
    for group, plugin in (("launcher", SweepLauncher), ("sweeper", SweepSweeper)):
        name = f"{PACKAGE}.{plugin.__name__}"
        Plugins.instance().register(plugin)
        Plugins.instance().class_name_to_class[name] = plugin
        node = OmegaConf.create({"_target_": name})
        ConfigStore.instance().store(group=f"hydra/{group}", name="kdlight", node=node)
