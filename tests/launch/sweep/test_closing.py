"""What a sweep says at its end, and what of that stays in its folder."""

import json

import pytest

from kdlight.launch.sweep.closing import closing
from kdlight.launch.sweep.job import SweepJob


@pytest.fixture
def jobs(tmp_path):
    """One that is done and two that failed."""
    made = [SweepJob(n, [f"loss=[{name}]"], tmp_path / str(n)) for n, name in enumerate("abc")]
    for job, status in zip(made, (0, -9, 1), strict=True):
        job.folder.mkdir()
        job.state, job.status = "failed" if status else "done", status
    result = {"macro": {"teacher": 90.0, "baseline": 80.0, "student": 88.5}, "retention": 0.983}
    (made[0].folder / "result.json").write_text(json.dumps(result))
    (made[1].folder / "job.log").write_text("\n".join(map(str, range(9))))
    return made


def test_the_closing_table_and_the_failures_are_kept(jobs, tmp_path, capsys, monkeypatch):
    """`[a]` is a value here, and no markup."""
    monkeypatch.chdir(tmp_path)
    with closing(jobs, tmp_path, "outputs"):
        pass
    said, kept = capsys.readouterr().out, (tmp_path / "summary.txt").read_text()
    for text in (said, kept):
        for cell in ("loss=[a]", "90.0", "80.0", "88.5", "98.3%"):
            assert cell in text
        told = "job 1 failed, killed by signal 9 (out of memory?); its log is 1/job.log and ends:"
        assert f"{told}\n    4\n    5\n" in text
        assert "job 2 failed, status 1; its log is 2/job.log" in text
        assert "job 0 failed" not in text
        assert "wandb" not in text


def test_also_a_sweep_that_is_interrupted_says_what_w_and_b_has_not_sent(jobs, tmp_path, capsys):
    outputs = tmp_path / "my outputs"

    def interrupted(run):
        with closing(jobs, tmp_path, str(outputs)):
            (outputs / "wandb" / run).mkdir(parents=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted("run-1")
    assert "wandb" not in capsys.readouterr().out
    with pytest.raises(KeyboardInterrupt):
        interrupted("offline-run-2")
    (line,) = (s for s in capsys.readouterr().out.splitlines() if "wandb" in s)
    assert line.startswith("W&B, to upload all jobs: wandb sync '")
    assert line.endswith("my outputs/wandb'/offline-run-*")


def test_the_comparison_of_mitkd_is_in_the_closing_table(jobs, tmp_path, capsys):
    """The control is a network of its own, and groups of tasks have a table."""
    arms = {"teacher": 90.0, "baseline": 41.5, "student": 70.25}
    result = {
        "method": "agnostic",
        "macro": arms,
        "retention": 0.78,
        "variants": {"plain": {"macro": 65.5}},
        "groups": {"in_domain": {"tasks": ["a"], "macro": {**arms, "plain": 65.5}},
                   "low_resource_4": {"tasks": ["b"], "macro": {"teacher": 1.0, "student": None}}},
    }  # fmt: skip
    (jobs[0].folder / "result.json").write_text(json.dumps(result))
    with closing(jobs, tmp_path, "outputs"):
        pass
    said = " ".join(capsys.readouterr().out.split())
    assert "teacher random weights plain teacher student kept state" in said.replace("┃ ", "")
    assert "groups of tasks: teacher / random weights / plain teacher / student" in said
    assert "90.0 / 41.5 / 65.5 / 70.2" in said
    assert "1.0 / - / - / -" in said
    assert "low-resource-4" in said
