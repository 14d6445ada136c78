"""What the README tells people to type is what works."""

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import kdlight.run  # noqa: F401  (registers the schema)
from kdlight.launch.help import config_folder

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"(?:^    .*\n)+", README, flags=re.MULTILINE)
FIRST_SCREEN = README.splitlines()[:25]


def overrides(command):
    words = shlex.split(command.replace("\\\n", " "))
    words = words[words.index("kdlight.run") + 1 :]
    return [word for word in words if not word.startswith("--")]


RUNS = [block for block in BLOCKS if "kdlight.run" in block]
CELLS = re.findall(r"^\| [^|]+ \| (`[^|]+) \|$", README, flags=re.MULTILINE)


def composes(words):
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        return compose("config", words)


def test_both_commands_stand_in_the_first_screen():
    text = "\n".join(FIRST_SCREEN)
    assert "pip install -e . && python -m kdlight.run +experiment=kd_bilstm" in text
    assert "pip install -e '.[test]' && python -m pytest" in text


@pytest.mark.parametrize("block", RUNS)
def test_every_command_composes(block):
    config = composes(overrides(block))
    assert config.name in block


@pytest.mark.parametrize("cell", CELLS)
def test_every_override_of_the_table_composes(cell):
    base = ["+experiment=kd_bilstm", "scale=smoke", "loss=[hard,soft_kl]"]
    for code in re.findall(r"`([^`]+)`", cell):
        words = [w for w in shlex.split(code) if "=" in w]
        losses = [w for w in words if w.startswith("loss=")]
        assert composes([w for w in base if not (losses and w.startswith("loss="))] + words)


def test_the_commands_were_found():
    assert len(RUNS) >= 2
    assert len(CELLS) >= 10
