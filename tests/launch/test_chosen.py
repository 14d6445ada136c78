"""Two tasks of one name are refused before anything is planned."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from kdlight.launch.chosen import check_tasks
from kdlight.launch.help import config_folder
from kdlight.types import UserError

MINE = "{name}:\n  _target_: kdlight.tasks.task.Task\n  labels: [a, b]\n"


@pytest.fixture
def chosen(tmp_path):
    """Checks what a command chooses, with three files of the user's own."""
    own = tmp_path / "task"
    own.mkdir()
    (own / "mine.yaml").write_text(MINE.format(name="mine"))
    (own / "theirs.yaml").write_text(MINE.format(name="mine"))
    (own / "few.yaml").write_text("defaults: [/task/sst2@_here_]\nsst2: {max_rows: 5}\n")

    def check(*words, experiment="kd_bilstm"):
        GlobalHydra.instance().clear()
        path = f"hydra.searchpath=[file://{tmp_path}]"
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            words = [path, f"+experiment={experiment}", *words]
            check_tasks(compose("config", words, return_hydra_config=True).hydra)

    yield check
    GlobalHydra.instance().clear()


def test_tasks_of_different_names_pass(chosen):
    chosen()
    chosen("task=[sst2,mrpc,mine]")
    chosen("task=[few,mrpc]")
    chosen("scale=lite", experiment="mkd_lstm")  # its set limits the rows of three of its tasks


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["task=[sst2,sst2]"], "sst2"),
        (["task=[mine,theirs]"], "mine"),
        (["task=[set/mkd,mrpc]"], "mrpc"),
        (["task=[few,sst2]"], "sst2"),
    ],
)
def test_two_of_one_name_are_refused(chosen, words, name):
    with pytest.raises(UserError, match=f"Two tasks are called {name} .*task/.*choose it once"):
        chosen(*words)
