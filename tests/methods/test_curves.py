"""The curve file of a run, also of one that goes on."""

import csv
import math

from kdlight.methods.curves import CurveLogger


def read(path):
    with path.open(newline="") as file:
        return [(int(r["step"]), r["metric"], float(r["value"])) for r in csv.DictReader(file)]


def test_lines_are_step_metric_value_and_epochs_are_left_out(tmp_path):
    logger = CurveLogger(tmp_path / "metrics.csv")
    logger.log_metrics({"train/loss": 0.1234567, "epoch": 3}, 9)
    logger.log_metrics({"val/a, b/f1": 81.25, "val/macro": math.nan}, 10)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[:2] == ["step,metric,value", "9,train/loss,0.123457"]
    assert len(lines) == 4
    found = read(tmp_path / "metrics.csv")
    assert found[:2] == [(9, "train/loss", 0.123457), (10, "val/a, b/f1", 81.25)]
    assert found[2][:2] == (10, "val/macro")
    assert math.isnan(found[2][2])


def test_a_run_from_the_start_begins_a_new_file(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"\0\xff what a damaged disk left")
    CurveLogger(path).log_metrics({"train/loss": 5}, 0)
    assert read(path) == [(0, "train/loss", 5)]


def test_a_run_that_goes_on_has_the_lines_of_its_state_and_no_others(tmp_path):
    path = tmp_path / "metrics.csv"
    first = CurveLogger(path)
    first.log_metrics({"train/loss": 1}, 0)
    state = first.text()
    first.log_metrics({"train/loss": 2}, 1)
    again = CurveLogger(path)
    again.start(state)
    again.log_metrics({"train/loss": 3}, 1)
    assert read(path) == [(0, "train/loss", 1), (1, "train/loss", 3)]
    assert again.text() == path.read_text()
