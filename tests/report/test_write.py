"""A report on runs whose right numbers are known, and on runs that were tampered with."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from commands import call
from report.made import made_run

from kdlight.report.collect import find_runs
from kdlight.report.compare import compare
from kdlight.report.cost import cost_table
from kdlight.report.differences import difference_table
from kdlight.report.groups import groups
from kdlight.report.write import write_report
from kdlight.types import UserError


def test_many_tasks_stand_one_below_another(runs):
    folder, _ = runs
    (group,) = groups(find_runs(f"{folder}/*"))
    found = compare(group, "baseline")
    wide = difference_table(found)
    assert wide.columns[5:] == ["sst2 minus", "sst2 p bootstrap", "sst2 p McNemar"]
    one = found[0]
    four = {f"t{n}": one.tasks["sst2"] for n in range(4)}
    p = {"t2": 0.0001}
    many = difference_table([replace(one, tasks=four, bootstrap=p, mcnemar=p)])
    assert len(many.rows) == 5
    assert many.rows[0][:2] == ["student, slow kl", "macro"]
    assert [many.rows[0][2], *many.rows[0][5:]] == wide.rows[0][1:5]
    assert many.rows[3] == ["", "t2", wide.rows[0][5], "< 0.001", "< 0.001", "", "", ""]


def test_latency_and_training_are_means_over_the_runs_of_one_machine(runs):
    folder, found = runs
    for seed, student in ((1, 2.0), (2, 4.0)):
        found[seed - 1]["latency"] |= {"student_ms": student, "speedup": 20 / student}
    found[2] |= {"hardware": {"cpu": "another"}}
    for seed, result in enumerate(found, 1):
        (folder / f"{seed}/result.json").write_text(json.dumps(result))
    (group,) = groups(find_runs(f"{folder}/*"))
    table = cost_table(group)
    assert (
        "teacher 20.00 ms, student 3.00 ± 1.41 ms, 7.5 ± 3.5 times as fast (n = 2)"
        in (table.notes[-1])
    )
    minutes = {row[0]: row[-1] for row in table.rows}
    assert minutes == {
        "teacher": "10.0",
        "student, distilled": "2.0 ± 1.0",
        "student, gold only": "",
        "student, slow kl": "",
    }


def test_the_tables_say_what_the_results_say(runs, tmp_path):
    folder, found = runs
    (group,) = write_report(f"{folder}/*", tmp_path / "report")
    text = (tmp_path / "report/report.md").read_text()
    for name, key in (("student, distilled", "student"), ("student, gold only", "baseline")):
        values = [result[key]["scores"]["sst2"]["accuracy"] for result in found]
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")][:1]
        assert f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" in line
        assert line.split(" | ")[4] == "3"
    with (tmp_path / "report/report.csv").open() as file:
        rows = list(csv.DictReader(file))
    stored = {(r["network"], r["seed"]): float(r["score"]) for r in rows}
    assert stored["student", "2"] == found[1]["student"]["scores"]["sst2"]["accuracy"]
    assert len(rows) == 3 * 4
    kept = [
        100
        * r["student"]["scores"]["sst2"]["accuracy"]
        / r["teacher"]["scores"]["sst2"]["accuracy"]
        for r in found
    ]
    assert f"{np.mean(kept):.1f} ± {np.std(kept, ddof=1):.1f} %" in text
    assert group.arms == ["teacher", "baseline", "slow_kl", "student"]


def test_what_is_significant_and_what_is_not(runs, tmp_path):
    folder, _ = runs
    (group,) = groups(find_runs(f"{folder}/*"))
    found = {one.first: one for one in compare(group, "baseline")}
    assert set(found) == {"slow_kl", "student"}
    assert found["student"].seeds.shown
    assert found["student"].bootstrap["sst2"] < 0.01
    assert found["student"].mcnemar["sst2"] < 0.05
    against = {one.first: one for one in compare(group, "slow_kl")}["student"]
    assert against.bootstrap["sst2"] > 0.05
    alone = tmp_path / "two"
    for seed in (1, 2):
        made_run(alone / str(seed), seed)
    (two,) = groups(find_runs(f"{alone}/*"))
    of_two = compare(two, "baseline")
    assert not of_two[-1].seeds.shown
    assert of_two[-1].bootstrap == {}
    assert of_two[-1].mcnemar["sst2"] < 0.05
    for told, pairs in ((True, of_two), (False, list(found.values()))):
        notes = difference_table(pairs).notes
        assert any("left out where there are two seeds" in note for note in notes) == told


def test_a_changed_score_is_found(runs):
    folder, _ = runs
    path = folder / "2/result.json"
    result = json.loads(path.read_text())
    result["student"]["scores"]["sst2"]["accuracy"] += 0.5
    path.write_text(json.dumps(result))
    with pytest.raises(UserError, match="accuracy of student on sst2 is"):
        find_runs(f"{folder}/*")


def test_a_broken_result_is_named(runs):
    folder, _ = runs
    (folder / "3/result.json").write_text("{")
    with pytest.raises(UserError, match=re.escape(str(folder / "3"))):
        find_runs(f"{folder}/*")


def test_scores_stand_without_the_predictions_and_it_is_said(runs, tmp_path):
    folder, _ = runs
    with_all = write_report(f"{folder}/*", tmp_path / "all")
    (folder / "3/predictions/sst2.jsonl").unlink()
    (one,) = write_report(f"{folder}/*", tmp_path / "report")
    assert [run.seed for run in one.runs] == [1, 2, 3]
    assert one.macro("student") == with_all[0].macro("student")
    text = (tmp_path / "report/report.md").read_text()
    assert "and agrees, but for sst2 accuracy" in text
    (tested,) = [c for c in compare(one, "baseline") if c.first == "student"]
    assert tested.seeds.n == 3
    assert not tested.bootstrap
    assert not tested.mcnemar


def test_no_run_at_all(tmp_path):
    with pytest.raises(UserError, match=r"report\.runs=.*no finished run"):
        find_runs(f"{tmp_path}/*")


def test_costs_and_agreement_are_in_a_file_for_machines(runs, tmp_path):
    folder, found = runs
    write_report(f"{folder}/*", tmp_path / "report")
    with (tmp_path / "report/report_networks.csv").open() as file:
        rows = {(row["network"], row["seed"]): row for row in csv.DictReader(file)}
    assert len(rows) == 3 * 4
    one, result = rows["student", "2"], found[1]
    score, theirs = (result[n]["scores"]["sst2"]["accuracy"] for n in ("student", "teacher"))
    assert float(one["macro"]) == pytest.approx(score)
    assert float(one["retention"]) == pytest.approx(score / theirs)
    expected = {
        "agreement": "91.0", "params": "12", "params_without_embeddings": "5", "size_bytes": "48",
        "flops": "10", "training_s": "120.0", "latency_ms": "2.0", "latency_batch": "1",
        "latency_length": "32", "latency_device": "cpu",
    }  # fmt: skip
    assert {name: one[name] for name in expected} == expected
    assert rows["baseline", "2"]["latency_ms"] == "2.0"  # of the student's shape
    assert rows["teacher", "2"]["retention"] == ""


def test_the_command(runs, tmp_path, monkeypatch, capfd):
    folder, _ = runs
    assert call(tmp_path, monkeypatch, "job=report", f"report.runs={folder}/*") == 0
    (out,) = tmp_path.glob("outputs/reports/*")
    names = {f"report.{kind}" for kind in ("html", "md", "tex", "csv")} | {"report_networks.csv"}
    assert {p.name for p in out.iterdir() if p.is_file()} == names
    assert "student, distilled" in capfd.readouterr().out
    assert not list(tmp_path.glob("outputs/runs/*"))
    words = [f"report.runs={folder}/*", "hydra.run.dir=outputs/published/mine/report"]
    assert call(tmp_path, monkeypatch, "job=report", *words) == 0
    assert (tmp_path / "outputs/published/mine/report/report.html").exists()
    assert len(list(tmp_path.glob("outputs/reports/*"))) == 1
    assert call(tmp_path, monkeypatch, "job=report", "report.runs=nothing/*") == 2
    assert "no finished run" in capfd.readouterr().err
