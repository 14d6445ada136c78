"""Arrow files give back what was written."""

from dataclasses import replace

import pytest

from kdlight.data import rows as rows_module
from kdlight.data.rows import read_rows, write_rows
from kdlight.types import Answer, Example

ROWS = [
    Example("train-0", "plain"),
    Example("train-1", "a", "b", 3, "mask+ngram", "train-0"),
    Example("train-2", 'with "quotes"\tand\nlines', "", 0.25, "unlabelled"),
    Example("train-3", "who?", "it was Zoë", None, answers=(Answer("Zoë", 7), Answer("", 0))),
    Example("train-4", "pick", None, 1, options=("left", "right")),
]


def test_round_trip_keeps_every_field(tmp_path):
    assert write_rows(tmp_path / "rows.arrow", iter(ROWS)) == len(ROWS)
    assert list(read_rows(tmp_path / "rows.arrow")) == ROWS


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_chunks_neither_lose_nor_repeat_rows(tmp_path, monkeypatch, count):
    monkeypatch.setattr(rows_module, "CHUNK", 3)
    wanted = [replace(ROWS[1], id=f"train-{number}") for number in range(count)]
    assert write_rows(tmp_path / "rows.arrow", wanted) == count
    assert list(read_rows(tmp_path / "rows.arrow")) == wanted


def test_rows_stream_through_in_chunks(tmp_path, monkeypatch):
    """The second chunk is asked for only after the first has reached the file."""
    monkeypatch.setattr(rows_module, "CHUNK", 2)
    path, sizes = tmp_path / "rows.arrow", []

    def rows():
        for number in range(6):
            sizes.append(path.stat().st_size)
            yield replace(ROWS[0], id=str(number))

    write_rows(path, rows())
    assert sizes[0] < sizes[2] < sizes[4]
