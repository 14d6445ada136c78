"""A task's YAML with a key that tasks do not have."""

import pytest

from kdlight.launch.checks import check_task_keys
from kdlight.types import UserError

TARGET = {"_target_": "kdlight.tasks.task.Task", "name": "mine"}


@pytest.mark.parametrize(
    ("key", "words"), [("label", "did you mean labels?"), ("zzz", "valid: name, kind, pair")]
)
def test_an_unknown_key_names_the_nearest(key, words):
    with pytest.raises(UserError, match="task mine: its YAML has an unknown key") as caught:
        check_task_keys("mine", {**TARGET, key: 1})
    assert words in str(caught.value)


def test_known_keys_and_other_classes_pass():
    check_task_keys("mine", {**TARGET, "labels": []})
    check_task_keys("mine", {"_target_": "mine.Task", "zzz": 1})
