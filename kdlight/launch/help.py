"""The list of experiments, and a hint where an override does not fit."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

import yaml

from kdlight.schema import nearest


def config_folder() -> Path:
    """The YAML files: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def list_experiments() -> str:
    """A line for each experiment, and how to type one."""
    lines = ["Experiments (python -m kdlight.run +experiment=NAME):", ""]
    for path in sorted((config_folder() / "experiment").glob("*.yaml")):
        about = yaml.safe_load(path.read_text()).get("experiment_about", "")
        lines.append(f"  {path.stem:<18} {about}")
    scales = ", ".join(sorted(p.stem for p in (config_folder() / "scale").glob("*.yaml")))
    lines += ["", f"Scales (scale=NAME, demo if not said): {scales}", "More: --help, --cfg job"]
    return "\n".join(lines)


# Nodes whose keys replace those of the same names elsewhere.
OVER = re.compile(r"(variants\.\w+|method\.refine|(teacher\.)refine)\.")
INSIDE = ("scale/", "task/set", "hydra/")  # what other files choose from


def help_text(words: Sequence[str]) -> str:
    """What `--help` says; Hydra's own answer takes seconds to compose.

    Args:
        words: of the command; a folder of one's own (`--config-dir`) is listed too.
    """
    groups = _groups([config_folder(), *_own_folders(words)])
    lines = ["python -m kdlight.run +experiment=NAME [KEY=VALUE ...] [FLAG ...]", ""]
    lines += [list_experiments().split("\nMore:")[0], "", "Parts to choose (PART=NAME):", ""]
    for group, options in sorted(groups.items()):
        shown = sorted({name for name in options if not name.startswith("of_")})
        if not group.startswith(INSIDE) and group not in ("experiment", "scale"):
            lines += wrap(f"  {group:<18} {' '.join(shown)}", 100, subsequent_indent=" " * 21)
    return "\n".join([*lines, "", FLAGS])


FLAGS = """\
task, loss and augmentation take several: 'task=[rte,mrpc]'. Any key of the configuration can be
set: trainer.max_steps=500.

  --cfg job           shows the configuration, with all keys
  -m                  a sweep over values: seed=1,2,3
  --config-dir DIR    parts of your own, in DIR/task, DIR/loss, ...
  --hydra-help        Hydra's own flags"""


def explain(overrides: Sequence[str]) -> str:
    """Names the nearest valid names for each override that does not fit, or nothing."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides(
            [word for word in overrides if "=" in word and not word.startswith("-")]
        )
    except HydraException:
        return "An override looks like key=value or +experiment=NAME; quote lists: 'task=[sst2]'."
    GlobalHydra.instance().clear()
    folders = [config_folder(), *_own_folders(overrides)]
    if not all(folder.is_dir() for folder in folders):
        return ""  # Hydra has said which one is not there
    groups = _groups(folders)
    hints = []
    keys = None
    for override in parsed:
        key = override.key_or_group
        if key.startswith(("hydra.", "hydra/")):
            continue  # of these Hydra itself names what it does not know
        if key in groups:
            chosen = override.value()
            options = [str(o) for o in (chosen if isinstance(chosen, list) else [chosen])]
            unknown = [option for option in options if option not in groups[key]]
            hints += [_line(f"{key}={option}", option, groups[key]) for option in unknown]
            continue
        keys = keys if keys is not None else _keys(groups, overrides, folders)
        if keys and key not in keys and not override.is_add():
            over = OVER.match(key)
            if over and over[1] in keys and (over[2] or "") + key[over.end() :] in keys:
                hints.append(f"{key} is not set yet; add it with a plus: +{key}=VALUE")
            else:
                hints.append(_line(key, key, list(dict.fromkeys([*keys, *groups]))))
    return "\n".join(hints)


def _own_folders(words: Sequence[str]) -> list[Path]:
    """The user's folder of YAML files, from `--config-dir DIR`."""
    parts = [p for w in words for p in (w.split("=", 1) if w.startswith("--") else [w])]
    return [Path(b).absolute() for a, b in pairwise(parts) if a in ("--config-dir", "-cd")]


def _line(what: str, word: str, valid: Sequence[str]) -> str:
    hint = nearest(word, valid)
    return f"{what} is not known{hint or '; valid: ' + ', '.join(sorted(valid)[:12])}"


def _groups(folders: Sequence[Path]) -> dict[str, list[str]]:
    """The options of every config group."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in folder.rglob("*.yaml"):
            if path.parent != folder:
                found.setdefault(str(path.parent.relative_to(folder)), []).append(path.stem)
    return found


def _keys(
    groups: dict[str, list[str]], overrides: Sequence[str], folders: Sequence[Path]
) -> list[str]:
    """Every dotted key of the configuration with only the valid group choices applied."""
    from hydra import compose, initialize_config_dir

    choices = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in folders[1:])}]"]
    for word in overrides:
        group, _, option = word.lstrip("+").partition("=")
        if group in groups and all(o in groups[group] for o in option.strip("[]").split(",") if o):
            choices.append(word)
    try:
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            return list(_dotted(compose("config", choices), ""))
    except Exception:
        return []  # the fault lies in a YAML file, and Hydra has named it


def _dotted(node: object, prefix: str) -> Iterator[str]:
    from omegaconf import DictConfig

    if isinstance(node, DictConfig):
        for key in map(str, node):
            yield f"{prefix}{key}"
            yield from _dotted(node._get_node(key), f"{prefix}{key}.")
