"""Whether W&B will find a key, and what its own settings say; without importing it."""

import configparser
import os
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import urlsplit

SERVICE = "https://api.wandb.ai"
FORMER = {"dryrun": "offline", "run": "online"}  # names of modes that W&B still takes


def mode(typed: str | None) -> str:
    """`online`, `offline` or `disabled`: as typed, or as the environment or W&B's settings say.

    Else `online` where there is a key.
    """
    wanted = typed or os.environ.get("WANDB_MODE") or _settings().get("mode")
    if wanted:
        return FORMER.get(wanted, wanted)
    return "online" if has_key() else "offline"


def has_key() -> bool:
    """Whether W&B will find one, for the service that it is to use."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    url = os.environ.get("WANDB_BASE_URL") or _settings().get("base_url") or SERVICE
    try:
        file = os.path.expanduser(os.environ.get("NETRC") or "~/.netrc")
        return netrc(file).authenticators(urlsplit(url).netloc) is not None
    except (OSError, NetrcParseError):
        return False


def _settings() -> dict[str, str]:
    """What `wandb login --host` and `wandb offline` have noted; this folder's before the user's."""
    own = Path(os.environ.get("WANDB_CONFIG_DIR") or os.path.expanduser("~/.config/wandb"))
    here = Path(os.environ.get("WANDB_DIR") or ".")
    here /= ".wandb" if (here / ".wandb").is_dir() else "wandb"
    found: dict[str, str] = {}
    for folder in (own, here):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(folder / "settings")
            found |= dict(parser["default"])
        except (OSError, ValueError, KeyError, configparser.Error):
            continue
    return found
