"""What a sweep shows of its jobs, on a terminal and without one."""

import io
import json
import sys
import time

import pytest
from rich.console import Console

from kdlight.launch.sweep.closing import closing
from kdlight.launch.sweep.job import SweepJob
from kdlight.launch.sweep.view import View


@pytest.fixture
def jobs(tmp_path):
    """Four jobs: done, failed, running and waiting."""
    words = [["task=[sst2]", f"seed={n}", "optimizer.lr=1e-3"] for n in range(4)]
    made = [SweepJob(n, w, tmp_path / str(n)) for n, w in enumerate(words)]
    made[0].folder.mkdir()
    result = {"selection_macro": {"student": 88.0, "baseline": 99.0}}
    (made[0].folder / "result.json").write_text(json.dumps(result))
    now = time.monotonic()
    made[0].started = made[1].started = now - 100
    made[2].started = now - 9.5
    made[2].facts = {"stage": "student sst2 (student)", "share": 0.25, "left": 75.0,
                     "network": "student sst2 (student)", "best": 90.0}  # fmt: skip
    return made


def settle(jobs):
    jobs[0].state, jobs[0].seconds = "done", 100.0
    jobs[1].state, jobs[1].seconds = "failed", 3.0
    jobs[2].state = "running"


def test_the_live_table(jobs):
    shown = View(jobs, at_once=2, total=4)
    assert shown.left() is None
    settle(jobs)
    shown.update()
    found = shown.frame(80, 24)
    told = "sweep: 1 of 4 done, 1 failed, about 1 min 35 s left, best 90.0 (job 2)"
    assert found.title == [told]
    assert found.rows == [
        ["0", "seed=0", "done in 1 min 40 s", "", "", "88.0"],
        ["1", "seed=1", "failed in 3 s", "", "", ""],
        ["2", "seed=2", "student sst2 (student)", "25%", "1 min 15 s", "90.0"],
        ["3", "seed=3", "waiting", "", "", ""],
    ]
    assert found.states == ["done", "failed", "running", "waiting"]
    # Neither the score of one of several students nor the baseline's is the job's.
    jobs[2].facts |= {"students": 2, "best": 96.0}
    shown.update()
    assert shown.frame(80, 24).rows[2][5] == "90.0"
    jobs[2].facts["students"] = 1
    jobs[2].facts |= {"network": "student sst2 (baseline)", "best": 95.0}
    shown.update()
    assert shown.frame(80, 24).rows[2][5] == "90.0"
    assert [row[0] for row in shown.frame(80, 5).rows] == ["1", "2"]


def test_remaining_time(jobs):
    """By the jobs that ended well here, for those at work and those to come, over the places."""
    settle(jobs)
    jobs[0].state = "done"
    assert View(jobs, at_once=2, total=4).left() is None  # it had ended before
    jobs[0].state = "running"
    shown = View(jobs, at_once=2, total=6)  # a search: two more will come
    jobs[0].state = "done"
    assert shown.left() == pytest.approx((90 + 3 * 100) / 2, abs=2)
    jobs[3].started = time.monotonic() - 500
    jobs[3].lend()
    jobs[3].left_at -= 480  # it has worked for 20
    assert shown.left() == pytest.approx((90 + 80 + 2 * 100) / 2, abs=2)
    jobs[3].come_back()
    assert jobs[3].away == pytest.approx(480, abs=2)
    assert shown.left() == pytest.approx((90 + 80 + 2 * 100) / 2, abs=2)


def test_who_builds_what_all_share_says_little_of_the_rest(jobs):
    shown = View(jobs, at_once=1, total=4)
    for job, seconds in zip(jobs, (900.0, 60.0, 70.0), strict=False):
        job.state, job.seconds = "done", seconds
    assert shown.left() == pytest.approx(70)


def drawn(shown, width, height=24):
    """The lines of a terminal of this size."""
    out = io.StringIO()
    Console(file=out, width=width).print(shown.frame(width, height).table())
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off(jobs, width):
    settle(jobs)
    shown = View(jobs, at_once=2, total=4)
    shown.update()
    lines = drawn(shown, width)
    assert max(map(len, lines)) <= width
    assert len(lines) == 4 + 3
    for text in ("student sst2 (student)", "1 min 15 s", "done in 1 min 40 s", "90.0", "seed=3"):
        assert text in "\n".join(lines)


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (40, ["job", "overrides", "stage", "done"]),
        (60, ["job", "overrides", "stage", "done", "best"]),
        (80, ["job", "overrides", "stage", "done", "left", "best"]),
    ],
)
def test_long_values_have_a_line_a_job(tmp_path, width, heads):
    """Jobs at work are among those that are shown; their ends, which differ, are legible."""
    losses = ["loss=[soft_kl,hidden,attention]", "student.encoder.shape.num_hidden_layers=3"]
    many = [SweepJob(n, [*losses, f"seed={n}"], tmp_path / str(n)) for n in range(39)]
    many.append(SweepJob(39, ["loss=[logit_mse]", "seed=39"], tmp_path / "39"))
    title = "student sst2_sent+mrpc+stsb+qnli+mnli+qqp+rte+cola (baseline)"
    for number in (0, 17, 38):
        many[number].state = "running"
        many[number].facts = {"stage": title, "share": 0.25, "left": 3 * 3600.0 + 59 * 60}
    shown = View(many, at_once=3, total=40)
    for height in (12, 24):
        lines = drawn(shown, width, height)
        assert max(map(len, lines)) <= width
        assert len(lines) == height
        text = "\n".join(lines)
        (head,) = (line for line in lines if "overrides" in line)
        assert head.split() == heads
        for number in (0, 17, 38):
            (line,) = (line for line in lines if line.split()[0] == str(number))
            assert f"eed={number} " in line
            assert "ine)" in line
            assert "25%" in line
        assert ("3 h 59 min" in text) == ("left" in heads)


def test_without_a_terminal_there_are_lines(jobs, monkeypatch, caplog):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    caplog.set_level("INFO", logger="kdlight")
    with View(jobs, at_once=2, total=4) as shown:
        jobs[0].state = jobs[2].state = "running"
        shown.update()
        shown.update()
        settle(jobs)
        jobs[3].state = "lent"
    assert [record.getMessage() for record in caplog.records] == [
        "job 0: running",
        "job 2: running, student sst2 (student)",
        "job 0: done after 1 min 40 s; 1 of 4 done, 1 failed, about 1 min 40 s left, "
        "best 90.0 (job 2)",
        "job 1: failed after 3 s; 1 of 4 done, 1 failed, about 1 min 40 s left, best 90.0 (job 2)",
        "job 3: waits for another",
    ]


class Terminal(io.StringIO):
    gone = False

    def isatty(self):
        return True

    def write(self, text):
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_terminal_that_is_gone_stops_no_job(jobs, monkeypatch, caplog):
    caplog.set_level("DEBUG", logger="kdlight")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    with View(jobs, at_once=2, total=4) as shown:
        shown.update()
        assert "waiting" in terminal.getvalue()
        jobs[0].state = "running"
        shown.update()
        terminal.gone = True
        settle(jobs)
        shown._drawn = 0.0
        shown.update()
        assert sys.stderr is terminal  # no longer the table's
        jobs[3].state = "running"
        shown.update()
    with closing(jobs, jobs[0].folder, "outputs"):
        pass
    levels = {record.getMessage(): record.levelname for record in caplog.records}
    assert levels["job 0: running"] == "DEBUG"  # beside the table, for the log file
    assert levels["job 3: running"] == "INFO"
