"""The list of experiments, and hints for overrides that do not fit."""

import pytest
import yaml

import kdlight.run  # noqa: F401  (registers the schema)
from kdlight.launch.help import config_folder, explain, list_experiments

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


def test_overrides_that_fit_need_no_explanation():
    assert explain(["+experiment=kd_bilstm", "scale=smoke", "seed=3", "--multirun"]) == ""


def test_an_override_that_cannot_be_read_is_explained():
    assert "quote lists" in explain(["task=[sst2"])
