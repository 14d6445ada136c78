"""Which runs stand together, and what is said of those that differ."""

import json

import numpy as np
import pytest
from report.made import made_run

from kdlight.report.collect import find_runs
from kdlight.report.compare import compare
from kdlight.report.groups import groups
from kdlight.report.names import tasks_name
from kdlight.report.overview import comparable, overview_table
from kdlight.report.plots import by_latency, by_parameters
from kdlight.report.tables import score_table
from kdlight.report.task_groups import group_tables
from kdlight.report.unlike import unlike_in_any
from kdlight.report.write import write_report
from kdlight.types import UserError


def test_runs_that_differ_in_the_seed_only_are_a_group(runs):
    folder, _ = runs
    made_run(folder / "other", 1, lr=2.0)
    made_run(folder / "again", 2)  # the same seed again: the newer one counts
    (folder / "running").mkdir()
    every, same = find_runs(f"{folder}/*"), find_runs(f"{folder}/*/result.json")
    assert [run.folder for run in every] == [run.folder for run in same]
    found = groups(every)
    assert sorted(len(group.runs) for group in found) == [1, 3]
    (three,) = [group for group in found if len(group.runs) == 3]
    assert [run.seed for run in three.runs] == [1, 2, 3]
    assert three.runs[1].folder.name == "again"
    left = f"Left out, since a newer run has the same seed and settings: seed 2: {folder}/2."
    assert left in score_table(three).notes
    (other,) = [group for group in found if group is not three]
    assert not any("Left out" in note for note in score_table(other).notes)


def test_a_key_of_a_newer_version_that_is_null_tells_no_runs_apart(runs):
    folder, _ = runs
    made_run(folder / "newer", 4, corpus_folder=None, more={"of": None, "set": 1})
    made_run(folder / "newest", 5, more={"set": 1})
    found = sorted(groups(find_runs(f"{folder}/*")), key=lambda group: -len(group.runs))
    assert [[run.seed for run in group.runs] for group in found] == [[1, 2, 3], [4, 5]]
    made_run(folder / "alike", 6, corpus_folder=None)
    assert max(len(group.runs) for group in groups(find_runs(f"{folder}/*"))) == 4


def test_runs_on_other_rows_stand_apart(runs):
    folder, _ = runs
    made_run(folder / "other", 4, rows=8)
    made_run(folder / "others", 5, rows=8)
    found = sorted(groups(find_runs(f"{folder}/*")), key=lambda group: -len(group.runs))
    assert [[run.seed for run in group.runs] for group in found] == [[1, 2, 3], [4, 5]]
    assert found[0].title != found[1].title


@pytest.mark.parametrize("first", [0, 1])
def test_a_teacher_a_seed_is_one_group(tmp_path, first):
    """A seed that happens to be that of other runs belongs to its own all the same."""
    for seed in range(first, first + 3):
        own = {"teacher": {"seed": seed, "lr": 1}, "data": {"seed": 0}}
        made_run(tmp_path / f"runs/{seed}", seed, **own)
    (group,) = groups(find_runs(f"{tmp_path}/runs/*"))
    assert len(group.runs) == 3
    assert group.drawn_anew == ["teacher"]
    for seed in (7, 8):  # one teacher for both
        made_run(tmp_path / f"runs/{seed}", seed, teacher={"seed": 1, "lr": 1}, data={"seed": 0})
    found = groups(find_runs(f"{tmp_path}/runs/*"))
    assert sorted(len(group.drawn_anew) for group in found) == [0, 1]
    assert sum(len(group.runs) for group in found) == 5


def test_rows_that_are_drawn_anew_are_not_tested_as_if_they_were_the_same(tmp_path):
    for seed in (1, 2, 3):
        made_run(tmp_path / f"runs/{seed}", seed, rows=seed, data={"seed": seed})
    (group,) = write_report(f"{tmp_path}/runs/*", tmp_path / "report")
    (found,) = [one for one in compare(group, "baseline") if one.first == "student"]
    assert found.seeds.shown
    assert (found.bootstrap, found.mcnemar) == ({}, {})
    apart = np.subtract(group.macro("student"), group.macro("baseline"))
    assert found.tasks["sst2"] == pytest.approx(apart.mean())
    assert "Drawn anew with each seed: data." in (tmp_path / "report/report.md").read_text()


def test_what_differs_between_runs_of_one_command_is_named(runs):
    folder, _ = runs
    made_run(folder / "other", 1, lr=2.0, model={"depth": 3})
    titles = [group.title for group in groups(find_runs(f"{folder}/*"))]
    assert [title.partition("(")[2] for title in titles] == [
        "lr=1.0, model.depth=None)",
        "lr=2.0, model.depth=3)",
    ]


def test_settings_stand_together_and_shared_networks_once(runs, tmp_path):
    folder, _ = runs
    for seed in (1, 2, 3):
        made = made_run(folder / f"better{seed}", seed, student=0.94, loss="kl")
        made["command"] += " loss=[kl]"
        (folder / f"better{seed}/result.json").write_text(json.dumps(made))
    both = groups(find_runs(f"{folder}/*"))
    table = overview_table(both)
    names = [row[0] for row in table.rows]
    assert names.count("teacher") == names.count("student, gold only") == 1
    assert names.count("student, distilled (loss=[kl])") == 1
    (row,) = [row for row in table.rows if row[0].startswith("student, distilled (loss")]
    apart = np.subtract(both[1].macro("student"), both[0].macro("student"))
    place = table.columns.index("minus the first student")
    assert row[place].startswith(f"{apart.mean():+.1f} ± ")
    write_report(f"{folder}/*", tmp_path / "report")
    text = (tmp_path / "report/report.md").read_text()
    assert text.count("## All together: sst2") == 1
    assert text.count("## Differences from student, distilled") == 1
    (line,) = [r for r in text.split("## Differences from student, distilled")[1].splitlines()
               if r.startswith("| student, distilled (loss")]  # fmt: skip
    assert f"| {apart.mean():+.1f} |" in line


def test_settings_that_tie_all_stand_in_tables_and_pictures(runs):
    """Equal scores do not make one network of two; equal outputs do."""
    folder, _ = runs
    for seed in (1, 2, 3):
        made_run(folder / f"tied{seed}", seed, loss="kl")
        path = folder / f"tied{seed}/predictions/sst2.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["student"] = [2 * value for value in line["student"]]
        path.write_text("\n".join(map(json.dumps, lines)))
    both = groups(find_runs(f"{folder}/*"))
    assert both[0].macro("student") == both[1].macro("student")
    names = [row[0] for row in overview_table(both).rows]
    students = [name for name in names if name.startswith("student, distilled")]
    assert len(set(students)) == len(students) == 2
    assert names.count("student, slow kl") == 1
    assert {point.name for point in by_latency(both)} == set(names) - {"student, slow kl"}
    places = {point.name: point.place for point in by_parameters(both)}
    assert len(set(places.values())) == len(places) > len(by_latency(both))
    assert all(point.place == places[point.name] for point in by_latency(both))


def test_settings_of_other_commits_are_said_to_be(runs):
    folder, _ = runs
    made = made_run(folder / "other", 1, lr=2.0) | {"git_commit": "def"}
    alike = groups(find_runs(f"{folder}/*"))
    assert not any("Attention" in note for note in overview_table(alike).notes)
    (folder / "other/result.json").write_text(json.dumps(made))
    (note,) = [n for n in overview_table(groups(find_runs(f"{folder}/*"))).notes if "Att" in n]
    assert "not all of these runs are alike in commits: " in note


def test_settings_are_in_the_order_of_their_jobs_whichever_ended_first(tmp_path):
    for job, lr in ((10, 3.0), (2, 2.0), (1, 1.0)):
        made_run(tmp_path / f"runs/2026-01-01/{job}", 1, lr=lr)
    found = groups(find_runs(f"{tmp_path}/runs/*/*"))
    assert [group.runs[0].folder.name for group in found] == ["1", "2", "10"]


def test_seeds_of_other_commits_and_machines_stand_together_and_it_is_said(runs, tmp_path):
    folder, found = runs
    found[0]["precision"] = found[1]["precision"] = {"student": "bf16-mixed", "teacher": "32"}
    found[2] |= {"git_commit": "f" * 40 + "+", "hardware": {"cpu": "x & y", "gpus": "H200, H200"}}
    found[2]["precision"] = {"student": "32-true", "teacher": "32"}
    for seed, result in enumerate(found, 1):
        (folder / f"{seed}/result.json").write_text(json.dumps(result))
    (group,) = write_report(f"{folder}/*", tmp_path / "report")
    assert len(group.runs) == 3
    text = (tmp_path / "report/report.md").read_text()
    for told in (
        "not all seeds are alike in commits. seed 1, 2: abc; seed 3: ffffffffff+.",
        "not all seeds are alike in machines. seed 1, 2: none; seed 3: gpus H200 and H200.",
        "alike in precision. seed 1, 2: student bf16-mixed; seed 3: student 32-true.",
    ):
        assert told in text
    assert "alike in versions" not in text


def test_settings_can_be_disregarded_and_it_is_said(tmp_path):
    made_run(tmp_path / "runs/1", 1, teacher={"seed": 0, "optimizer": {"_target_": "old", "lr": 1}})
    for seed in (2, 3):
        new = {"_target_": "new", "fused": None, "lr": 1}
        made_run(tmp_path / f"runs/{seed}", seed, teacher={"seed": 0, "optimizer": new})
    assert len(groups(find_runs(f"{tmp_path}/runs/*"))) == 2
    (group,) = write_report(f"{tmp_path}/runs/*", tmp_path, disregard=["teacher.optimizer"])
    assert [run.seed for run in group.runs] == [1, 2, 3]
    told = (
        "alike in settings that were to be disregarded. seed 1: teacher.optimizer._target_ old; "
        "seed 2, 3: teacher.optimizer._target_ new, teacher.optimizer.fused None."
    )
    assert told in (tmp_path / "report.md").read_text()
    with pytest.raises(UserError, match=r"report.disregard=teacher.opt: no run has such"):
        find_runs(f"{tmp_path}/runs/*", disregard=["teacher.opt"])


def test_runs_with_other_networks_are_alike_where_they_share_one(runs):
    folder, found = runs
    for seed, result in enumerate(found, 1):
        result["precision"] = {"student": "32-true"} | ({"slow_kl": "32-true"} if seed > 1 else {})
        (folder / f"{seed}/result.json").write_text(json.dumps(result))
    assert unlike_in_any(groups(find_runs(f"{folder}/*"))) == []


def test_rows_without_predictions_are_told_apart_by_their_settings(tmp_path):
    for name, rows in (("few", 100), ("all", None)):
        for seed in (1, 2):
            made_run(tmp_path / name / str(seed), seed, data={"seed": 0, "eval_rows": rows})
            (tmp_path / name / str(seed) / "predictions/sst2.jsonl").unlink()
    found = groups(find_runs(f"{tmp_path}/*/*"))
    assert [len(group.runs) for group in found] == [2, 2]
    assert [len(alike) for alike in comparable(found)] == [1, 1]


def test_groups_of_tasks_can_be_asked_for(runs, tmp_path):
    folder, found = runs
    (group,) = write_report(f"{folder}/*", tmp_path / "report", {"sentences": ["sst2"]})
    scores, apart = group_tables(group)
    assert scores.columns == ["network", "sentences (1)"]
    shares = [run["student"]["scores"]["sst2"]["accuracy"] for run in found]
    theirs = [run["teacher"]["scores"]["sst2"]["accuracy"] for run in found]
    shown = dict(scores.rows)
    assert shown["student, distilled"].startswith(f"{np.mean(shares):.1f} ± ")
    assert apart.columns == ["network", "beside", "sentences"]
    beside = {(network, other): cell for network, other, cell in apart.rows}
    kept = np.mean(100 * np.array(shares) / theirs)
    assert beside["student, distilled", "teacher"].startswith(f"{kept:.1f} ± ")
    assert beside["student, distilled", "student, gold only"].endswith(", better")
    assert ("student, gold only", "student, gold only") not in beside
    assert "teacher" not in {network for network, _ in beside}
    assert "sentences: sst2" in (tmp_path / "report/report.html").read_text()


def test_a_group_of_tasks_that_no_run_has_is_refused(runs, tmp_path):
    folder, _ = runs
    with pytest.raises(UserError, match=r"report\.groups\.all=.*expected some of \['sst2'\]"):
        write_report(f"{folder}/*", tmp_path / "report", {"all": ["sst2", "mrpc"]})


@pytest.mark.parametrize(
    ("count", "told"),
    [(2, "0+1"), (10, "0+1+2+3+4+5+6+7+8+9"), (11, "0+1+2+3+4+5+6+7+8 and 2 more")],
)
def test_a_title_names_a_few_of_many_tasks(count, told):
    assert tasks_name(map(str, range(count))) == told
