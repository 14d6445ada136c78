"""What is typed beats a scale, and what no part of a job reads is refused."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from kdlight.launch.help import config_folder
from kdlight.launch.job import Job
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
    trainer = composed(*demo, "trainer.max_epochs=null")["trainer"]
    assert (trainer["max_epochs"], trainer["max_steps"]) == (None, 450)


def test_so_do_those_of_a_variant_and_of_a_refinement(composed, tmp_path):
    both = ("+variants.two={trainer: {max_epochs: 2}}", "+method.refine={trainer: {max_epochs: 3}}")
    job = Job(composed("+experiment=mkd_transformer3", "scale=demo", *both), tmp_path)
    for name, epochs, steps in (("student", 1, 450), ("two", 2, None)):
        (refined, *_) = job.arms[name].students().values()
        own = refined.parents["start"].config
        assert (own["max_epochs"], own["max_steps"]) == (epochs, steps)
        assert (refined.config["max_epochs"], refined.config["max_steps"]) == (3, None)


def test_the_fewest_steps_are_a_matter_of_epochs(composed, tmp_path):
    def fewest(*words):
        words = ("+experiment=mitkd", "scale=smoke", "trainer.min_steps=100", *words)
        (student, *_) = Job(composed(*words), tmp_path).arms["student"].students().values()
        return student.config.get("min_steps")

    assert fewest("trainer.max_epochs=1") == 100
    assert fewest("trainer.max_steps=20") is None


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
        ("trainer.max_epochs=null", r"Nothing says how long to train: set trainer\.max_epochs="),
        ("trainer.min_steps=1e2", r"trainer\.min_steps=100\.0 must be a whole number of 0 or"),
        ("teacher.min_steps=60.5", r"teacher\.min_steps=60\.5 must be a whole number of 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(composed, word, sentence):
    with pytest.raises(UserError, match=sentence):
        composed("+experiment=kd_bilstm", word)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("+method.text.lr=3", r"method\.text\.lr is no such key; there are seed, "),
        (
            "+teacher.pretrain.stat=mimetic",
            r"teacher\.pretrain\.stat is no such key; did you mean ",
        ),
        ("teacher.pretrain=true", r"teacher\.pretrain=True must be a node with keys, or null"),
    ],
)
def test_so_are_keys_of_what_learns_plain_text(composed, word, sentence):
    with pytest.raises(UserError, match=sentence):
        composed("+experiment=mitkd", "scale=smoke", word)
