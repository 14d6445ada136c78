"""The list of experiments, and hints for overrides that do not fit."""

import re

import pytest
import yaml
from commands import call

from kdlight.launch.help import config_folder, explain, list_experiments
from kdlight.run import flags_first

CONF = config_folder()


def test_the_list_of_experiments_is_complete():
    listed = list_experiments()
    for path in (CONF / "experiment").glob("*.yaml"):
        about = yaml.safe_load(path.read_text())["experiment_about"]
        assert f"  {path.stem:<18} {about}" in listed
    assert all(path.stem in listed for path in (CONF / "scale").glob("*.yaml"))


@pytest.mark.parametrize(
    ("override", "wrong", "nearest"),
    [
        ("trainer.max_epoch=3", "trainer.max_epoch is", "trainer.max_epochs"),
        ("data.sorce=hub", "data.sorce is", "data.source"),
        ("schedul=linear", "schedul is", "schedule"),
        ("scale=demmo", "scale=demmo is", "demo"),
        ("task=[rte,sst_2]", "task=sst_2 is", "sst2"),
        ("+experiment=kd_bilstn", "experiment=kd_bilstn is", "kd_bilstm"),
    ],
)
def test_the_nearest_name_is_offered(override, wrong, nearest):
    experiment = [] if "experiment" in override else ["+experiment=kd_bilstm"]
    said = explain([*experiment, "scale=smoke", override])
    assert said.startswith(wrong)
    assert nearest in said.split("did you mean", 1)[1].rstrip("?").replace(" or ", " ").split()
    assert len(said.splitlines()) == 1


def test_what_is_said_to_hydra_is_no_mistake():
    said = explain(["+experiment=kd_bilstm", "hydra.sweeper.trials=3", "data.sorce=hub"])
    assert said.startswith("data.sorce is not known")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("experiment", "key"),
    [
        ("mitkd", "teacher.refine.optimizer.lr"),
        ("mitkd", "variants.plain.seed"),
        ("mkd_transformer3", "method.refine.trainer.max_steps"),
    ],
)
def test_what_only_replaces_a_key_is_added_with_a_plus(experiment, key):
    words = [f"+experiment={experiment}", "scale=lite"]
    said = explain([*words, f"{key}=1"])
    assert said == f"{key} is not set yet; add it with a plus: +{key}=VALUE"
    assert explain([*words, f"+{key}=1"]) == ""
    wrong = f"{key}x"
    assert explain([*words, f"{wrong}=1"]).startswith(f"{wrong} is not known")


def test_a_folder_of_the_user_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_conf/task").mkdir(parents=True)
    text = "mine:\n  _target_: kdlight.tasks.task.Task\n  folder: here\n"
    (tmp_path / "my_conf/task/mine.yaml").write_text(text)
    for flag in (["--config-dir", "my_conf"], ["--config-dir=my_conf"]):
        assert explain([*flag, "+experiment=kd_bilstm", "task=[mine]"]) == ""
        wrong = "task=min is not known; did you mean mine?"
        assert explain([*flag, "+experiment=kd_bilstm", "task=[min]"]) == wrong
        said = explain([*flag, "+experiment=kd_bilstm", "task=[mine]", "task.mine.foldr=x"])
        assert said.startswith("task.mine.foldr is not known; did you mean task.mine.folder")
    assert explain(["--config-dir", "none", "+experiment=kd_bilstm", "task=[mine]"]) == ""


def test_flags_may_stand_anywhere():
    words = ["task=[mine]", "--config-dir", "my_conf", "~variants", "+experiment=x", "--multirun"]
    ordered = ["--config-dir", "my_conf", "--multirun", "task=[mine]", "~variants", "+experiment=x"]
    assert flags_first(words) == ordered
    assert flags_first(["--help"]) == ["--help", "+experiment=custom"]
    assert flags_first(["--config-dir=a", "seed=1"]) == [
        *("--config-dir=a", "+experiment=custom", "seed=1"),
    ]


def test_overrides_that_fit_need_no_explanation():
    assert explain(["+experiment=kd_bilstm", "scale=smoke", "seed=3", "--multirun"]) == ""


def test_an_override_that_cannot_be_read_is_explained():
    assert "quote lists" in explain(["task=[sst2"])


def test_help_names_every_part_and_those_of_a_user(tmp_path, monkeypatch, capsys):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text("mine: {}")
    assert call(tmp_path, monkeypatch, "--help", "--config-dir", str(tmp_path)) == 0
    said = re.sub(r"\n {10,}", " ", capsys.readouterr().out)  # long lists are wrapped
    lines = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}
    assert {"mine", "sst2", "mrpc"} <= set(lines["task"])
    assert "mkd_lstm" in lines
    assert {"bilstm", "transformer3"} <= set(lines["student"])
    assert "--cfg" in lines
    assert not any(name.startswith("scale/") for name in lines)
