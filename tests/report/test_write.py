"""A report on runs whose right numbers are known, and on runs that were tampered with."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from commands import call

from kdlight.report.collect import find_runs
from kdlight.report.compare import compare
from kdlight.report.cost import cost_table
from kdlight.report.differences import difference_table
from kdlight.report.formats import latex
from kdlight.report.groups import groups
from kdlight.report.overview import overview_table
from kdlight.report.page import table as html_table
from kdlight.report.plots import Point, by_latency, pareto, scatter
from kdlight.report.tables import Table, spread
from kdlight.report.write import write_report
from kdlight.types import UserError

ROWS = 400


def made_run(folder, seed, student=0.9, baseline=0.7, rows=7, **config):
    """A run on one task of two classes, with about so many rows right."""
    gold = np.random.default_rng(rows).integers(0, 2, ROWS)
    random = np.random.default_rng([7, seed])

    def outputs(share):
        right = random.random(ROWS) < share
        decided = np.where(right, gold, 1 - gold)
        return np.eye(2)[decided] + 0.1 * random.random((ROWS, 2))

    networks = {
        "teacher": outputs(0.95),
        "student": outputs(student),
        "baseline": outputs(baseline),
    }
    networks["slow_kl"] = outputs(student)
    folder.mkdir(parents=True)
    (folder / "predictions").mkdir()
    with (folder / "predictions/sst2.jsonl").open("w") as file:
        for n in range(ROWS):
            line = {"id": f"dev-{n}", "gold": int(gold[n])}
            line |= {name: values[n].tolist() for name, values in networks.items()}
            file.write(json.dumps(line) + "\n")
    scores = {
        name: {"sst2": {"accuracy": 100 * float((values.argmax(1) == gold).mean())}}
        for name, values in networks.items()
    }
    size = {"params": 12, "params_without_embeddings": 5, "size_bytes": 48}
    result = {
        "experiment": "kd_bilstm", "method": "distill", "scale": "lite", "seed": seed,
        "split": "dev", "data_source": "files", "selection": "train_split",
        "command": f"python -m kdlight.run +experiment=kd_bilstm seed={seed}",
        "git_commit": "abc", "versions": {"torch": "2"}, "hardware": {"cpu": "x & y"},
        "teacher": {"name": "<big>", **size, "params_without_embeddings": 50,
                    "scores": scores["teacher"]},
        "student": {"name": "bilstm", **size, "scores": scores["student"],
                    "agreement": {"sst2": 91.0}},
        "baseline": {"scores": scores["baseline"], "agreement": {}},
        "variants": {"slow_kl": {"scores": scores["slow_kl"], **size, "agreement": {}}},
        "latency": {"batch_size": 1, "length": 32, "device": "cpu", "teacher_ms": 20.0,
                    "student_ms": 2.0, "speedup": 10.0, "more": []},
        "flops": {"teacher": 1000, "student": 10},
        "wall_s": {"teacher sst2": 600.0, "student sst2 (student)": 60.0 * seed,
                   "evaluate teacher sst2": 5.0},
        "train_s": {"teacher": 600.0, "student": 60.0 * seed},
        "predictions": {"sst2": "predictions/sst2.jsonl"},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text(yaml.safe_dump({"seed": seed, "lr": 1.0, **config}))
    curves = "network,step,metric,value\nstudent,0,val/macro,50\nstudent,9,val/macro,90\n"
    (folder / "metrics.csv").write_text(curves)
    return result


@pytest.fixture
def runs(tmp_path):
    found = [made_run(tmp_path / f"runs/{seed}", seed) for seed in (1, 2, 3)]
    return tmp_path / "runs", found


def test_runs_that_differ_in_the_seed_only_are_a_group(runs):
    folder, _ = runs
    made_run(folder / "other", 1, lr=2.0)
    made_run(folder / "again", 2)  # the same seed again: the newer one counts
    (folder / "running").mkdir()
    found = groups(find_runs(f"{folder}/*"))
    assert sorted(len(group.runs) for group in found) == [1, 3]
    (three,) = [group for group in found if len(group.runs) == 3]
    assert [run.seed for run in three.runs] == [1, 2, 3]
    assert three.runs[1].folder.name == "again"


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


def test_settings_of_other_commits_are_said_to_be(runs):
    folder, _ = runs
    made = made_run(folder / "other", 1, lr=2.0) | {"git_commit": "def"}
    alike = groups(find_runs(f"{folder}/*"))
    assert not any("Attention" in note for note in overview_table(alike).notes)
    (folder / "other/result.json").write_text(json.dumps(made))
    (note,) = [n for n in overview_table(groups(find_runs(f"{folder}/*"))).notes if "Att" in n]
    assert "not all of these runs are alike in commits: " in note


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
    assert many.rows[0][2:6] == wide.rows[0][1:5]
    assert many.rows[3] == ["", "t2", wide.rows[0][5], "", "", "", "< 0.001", "< 0.001"]


def test_a_remark_is_not_repeated_on_the_page():
    told: set[str] = set()
    one, two = (Table("", ["network"], [], ["same", extra]) for extra in ("first", "second"))
    assert html_table(one, 2, told).count("<p") == 2
    again = html_table(two, 3, told)
    assert "same" not in again
    assert "second" in again
    assert "Other remarks: as above." in again
    assert "Remarks: as above." in html_table(one, 3, told)


def test_settings_are_in_the_order_of_their_jobs_whichever_ended_first(tmp_path):
    for job, lr in ((10, 3.0), (2, 2.0), (1, 1.0)):
        made_run(tmp_path / f"runs/2026-01-01/{job}", 1, lr=lr)
    found = groups(find_runs(f"{tmp_path}/runs/*/*"))
    assert [group.runs[0].folder.name for group in found] == ["1", "2", "10"]


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


def test_a_name_with_a_dollar_is_drawn_as_it_is():
    points = [Point("_a ${x} $b", 1, 80, 79, 81), Point("c", 2, 90, 89, 91)]
    assert "a ${x} $b" in scatter(points, "cost")


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
    assert not compare(two, "baseline")[-1].seeds.shown


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


def test_missing_predictions_are_named(runs):
    folder, _ = runs
    (folder / "3/predictions/sst2.jsonl").unlink()
    with pytest.raises(UserError, match=r"3: predictions/sst2\.jsonl is missing"):
        find_runs(f"{folder}/*")


def test_no_run_at_all(tmp_path):
    with pytest.raises(UserError, match=r"report\.runs=.*no finished run"):
        find_runs(f"{tmp_path}/*")


class Structure(HTMLParser):
    """Checks that tags close in order; notes what a page would fetch."""

    EMPTY = ("meta", "br", "img", "path", "use", "link")

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.cells = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.EMPTY:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#"):
                self.fetched.append(value)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells.append(data)


def test_the_page_is_whole_and_needs_nothing_else(runs, tmp_path):
    folder, _ = runs
    write_report(f"{folder}/*", tmp_path / "report")
    text = (tmp_path / "report/report.html").read_text()
    page = Structure()
    page.feed(text)
    assert page.open == []
    assert page.fetched == []
    assert "student, distilled" in page.cells
    assert "x &amp; y" in text  # of the hardware
    assert len(text) < 1 << 20
    assert text.count("<svg") == 3


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
    assert rows["baseline", "2"]["latency_ms"] == rows["teacher", "2"]["retention"] == ""


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


def test_latency_in_the_picture_is_that_of_the_table(runs):
    folder, found = runs
    for seed, student in ((1, 2.0), (2, 4.0), (3, 60.0)):
        found[seed - 1]["latency"] |= {"student_ms": student}
    found[2] |= {"hardware": {"cpu": "another"}}
    for seed, result in enumerate(found, 1):
        (folder / f"{seed}/result.json").write_text(json.dumps(result))
    points = {point.name: point.cost for point in by_latency(groups(find_runs(f"{folder}/*")))}
    assert points == {"teacher": 20.0, "student, distilled": 3.0}


def test_a_picture_that_leaves_networks_out_says_so(runs, tmp_path, monkeypatch):
    folder, _ = runs
    write_report(f"{folder}/*", tmp_path / "whole")
    assert "networks are drawn" not in (tmp_path / "whole/report.html").read_text()
    monkeypatch.setattr("kdlight.report.plots.MOST", 1)
    write_report(f"{folder}/*", tmp_path / "part")
    text = (tmp_path / "part/report.html").read_text()
    assert "The first 1 of 2 networks are drawn." in text
    assert "The first 1 of 3 networks are drawn." in text


def test_what_latex_would_read_is_escaped():
    table = Table(r"a\b ^ ~", ["x_1", "p < 0.001"], [["50 % & {more}", "1 ± 2 ≥ 0"]])
    text = latex(table)
    assert r"\caption{a\textbackslash{}b \textasciicircum{} \textasciitilde{}}" in text
    assert r"x\_1 & p $<$ 0.001" in text
    assert r"50 \% \& \{more\} & 1 $\pm$ 2 $\geq$ 0" in text


def test_the_best_student_stands_out_whatever_it_is_called():
    rows = [["teacher", "99.0"], ["bilstm, distilled", "88.0 ± 1.0"], ["cnn, distilled", "89.0"]]
    assert '<td class="best">89.0</td>' in html_table(Table("", ["network", "macro"], rows))


def test_the_front():
    points = [Point(n, cost, score, 0, 0) for n, cost, score in
              (("a", 1, 80), ("b", 2, 79), ("c", 3, 90), ("d", 3, 85), ("e", 9, 90))]  # fmt: skip
    assert [point.name for point in pareto(points)] == ["a", "c"]


def test_spread():
    assert spread([88.19, 88.3]) == "88.2 ± 0.1"
    assert spread([88.19]) == "88.2"
    assert spread([88.19, 88.19]) == "88.2"
    assert spread([]) == ""


def test_the_command(runs, tmp_path, monkeypatch, capfd):
    folder, _ = runs
    assert call(tmp_path, monkeypatch, "job=report", f"report.runs={folder}/*") == 0
    (out,) = tmp_path.glob("outputs/reports/*")
    names = {f"report.{kind}" for kind in ("html", "md", "tex", "csv")} | {"report_networks.csv"}
    assert {p.name for p in out.iterdir() if p.is_file()} == names
    assert "student, distilled" in capfd.readouterr().out
    assert not list(tmp_path.glob("outputs/runs/*"))
    assert call(tmp_path, monkeypatch, "job=report", "report.runs=nothing/*") == 2
    assert "no finished run" in capfd.readouterr().err
