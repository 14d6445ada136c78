"""The curve file of a run, also of one that was stopped."""

import math

from kdlight.methods.curves import CurveLogger, read_curves


def log(path, steps, factor=1.0):
    logger = CurveLogger(path)
    for step in steps:
        logger.log_metrics({"train/loss": factor * step, "epoch": 0}, step)


def test_lines_are_step_metric_value_and_epochs_are_left_out(tmp_path):
    logger = CurveLogger(tmp_path / "metrics.csv")
    logger.log_metrics({"train/loss": 0.1234567, "epoch": 3}, 9)
    logger.log_metrics({"val/a, b/f1": 81.25, "val/macro": math.nan}, 10)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[:2] == ["step,metric,value", "9,train/loss,0.123457"]
    assert len(lines) == 4
    found = read_curves(tmp_path / "metrics.csv")
    assert found[:2] == [(9, "train/loss", 0.123457), (10, "val/a, b/f1", 81.25)]
    assert found[2][:2] == (10, "val/macro")
    assert math.isnan(found[2][2])


def test_a_resumed_run_drops_what_it_repeats(tmp_path):
    path = tmp_path / "metrics.csv"
    log(path, [0, 10, 20, 30])
    log(path, [20, 30, 40], factor=2)
    assert read_curves(path) == [
        (0, "train/loss", 0),
        (10, "train/loss", 10),
        (20, "train/loss", 40),
        (30, "train/loss", 60),
        (40, "train/loss", 80),
    ]
    assert path.read_text().count("step,metric,value") == 1


def test_a_run_from_the_start_drops_everything(tmp_path):
    path = tmp_path / "metrics.csv"
    log(path, [0, 10])
    log(path, [0], factor=5)
    assert read_curves(path) == [(0, "train/loss", 0)]


def test_a_line_cut_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "metrics.csv"
    log(path, [0, 10])
    with path.open("a") as file:
        file.write("20,train/l")
    assert [step for step, _, _ in read_curves(path)] == [0, 10]
    log(path, [20])
    assert read_curves(path)[-1] == (20, "train/loss", 20)
