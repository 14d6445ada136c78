"""What is typed beats a scale, and what no part of a job reads is refused."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from kdlight.launch.help import config_folder
from kdlight.launch.plan import Plan
from kdlight.launch.settled import settled
from kdlight.types import UserError


@pytest.fixture
def composed(tmp_path):
    """The settled configuration of a command."""

    def compose_and_settle(*words):
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            words = [*words, f"outputs={tmp_path}"]
            return settled(compose("config", words, return_hydra_config=True))

    yield compose_and_settle
    GlobalHydra.instance().clear()


def test_typed_epochs_stand_in_place_of_the_steps_of_a_scale(composed):
    demo = ("+experiment=mkd_transformer3", "scale=demo")
    assert composed(*demo)["trainer"]["max_steps"] == 450
    trainer = composed(*demo, "trainer.max_epochs=2")["trainer"]
    assert (trainer["max_epochs"], trainer["max_steps"]) == (2, None)
    trainer = composed(*demo, "trainer.max_epochs=2", "trainer.max_steps=7")["trainer"]
    assert (trainer["max_epochs"], trainer["max_steps"]) == (2, 7)


def test_the_lower_of_two_caps_holds(composed):
    def most(*words):
        plan = Plan(composed("+experiment=kd_bilstm", "task=[sst2,mrpc]", *words))
        return {task: plan.rows(task).config["max_rows"] for task in ("sst2", "mrpc")}

    assert most("data.max_rows=100") == {"sst2": 100, "mrpc": 100}
    own = "++task.sst2.max_rows"
    assert most("data.max_rows=100", f"{own}=300") == {"sst2": 100, "mrpc": 100}
    assert most("data.max_rows=100", f"{own}=30") == {"sst2": 30, "mrpc": 100}


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("++teacher.max_epoch=3", r"teacher\.max_epoch is no such key; did you mean max_epochs"),
        ("+student.hidden=3", r"student\.hidden is no such key"),
        ("teacher.shape=null", r"add teacher=scratch, or name a folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(composed, word, sentence):
    with pytest.raises(UserError, match=sentence):
        composed("+experiment=kd_bilstm", word)
