"""Arrays that are written piece by piece, and gone on with after a kill."""

import numpy as np

from kdlight.data.array_files import ArrayFiles

TYPES = {"ids": np.uint16, "values": np.float32}


def test_what_was_added_is_read_as_one_array(tmp_path):
    with ArrayFiles(tmp_path, TYPES) as files:
        for start in range(0, 5000, 7):
            files.append("ids", range(start, start + 7))
        files.append("values", [0.5])
    assert np.load(tmp_path / "ids.npy", mmap_mode="r").tolist() == list(range(5005))
    values = np.load(tmp_path / "values.npy")
    assert (values.tolist(), values.dtype) == ([0.5], np.float32)


def test_files_go_on_where_they_were_saved_finished_or_not(tmp_path):
    files = ArrayFiles(tmp_path, TYPES).__enter__()
    files.append("ids", [1, 2])
    saved = files.saved()
    files.append("ids", [8, 9])
    files.__exit__(KeyboardInterrupt)
    assert not np.load(tmp_path / "ids.npy").size  # of what was not finished nothing is read
    for more in ([3], [4, 5, 6]):
        with ArrayFiles(tmp_path, TYPES, saved) as files:
            files.append("ids", more)
        assert np.load(tmp_path / "ids.npy").tolist() == [1, 2, *more]
