"""The time of a build that was stopped: all its parts count, up to what was kept of each."""

import os

import pytest

from kdlight.artifacts.place import Place
from kdlight.launch.spent import spent_before


def test_parts_of_a_stopped_build_are_added(tmp_path):
    place = Place(tmp_path, "student", "abc")
    note = place.note
    assert spent_before(place) == 0
    assert spent_before(place) == 0  # stopped before its first checkpoint
    place.working.mkdir()
    for part in (1, 2):
        os.utime(note, (1000, 1000))
        for second in (1005, 1020):  # checkpoints
            (place.working / f"{second}.ckpt").touch()
            os.utime(place.working / f"{second}.ckpt", (second, second))
        os.utime(place.working, (1010, 1010))
        assert spent_before(place) == pytest.approx(20 * part)
    note.write_text("")
    assert spent_before(place) == 0
