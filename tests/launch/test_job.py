"""Whole jobs at smoke scale: what they leave, what they use again, what can be chosen."""

import csv
import json

import numpy as np
import pytest
import yaml
from commands import SMOKE, call, results
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score

KEYS = {
    *("schema_version", "experiment", "method", "scale", "seed", "data_source", "selection"),
    *("split", "command", "git_commit", "versions", "hardware", "teacher", "student"),
    *("baseline", "variants", "macro", "retention", "latency", "flops", "wall_s", "reused"),
    *("elapsed_s", "processes", "predictions"),
}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_result_has_every_field_of_the_contract(smoke):
    (found,) = results(smoke)[:1]
    assert set(found) >= KEYS
    assert set(found["teacher"]) >= {"name", "params", "scores"}
    assert set(found["train_s"]) == set(found["precision"]) == {"teacher", "student", "baseline"}
    assert found["train_s"]["student"] == found["wall_s"]["student sst2 (student)"] > 0
    assert set(found["precision"].values()) <= {"32-true", "bf16-mixed", "bf16-true"}
    expected = {"name", "params", "params_without_embeddings", "size_bytes", "scores", "agreement"}
    assert set(found["student"]) >= expected
    assert set(found["latency"]) >= {
        *("batch_size", "length", "device", "teacher_ms", "student_ms", "speedup"),
    }
    assert set(found["flops"]) == {"teacher", "student"}
    assert (found["experiment"], found["method"], found["scale"]) == (
        "kd_bilstm",
        "distill",
        "smoke",
    )
    assert found["retention"] == pytest.approx(
        found["macro"]["student"] / found["macro"]["teacher"]
    )
    assert 0 < found["retention"] < 3
    assert found["student"]["params_without_embeddings"] < found["student"]["params"]
    assert found["latency"]["speedup"] == pytest.approx(
        found["latency"]["teacher_ms"] / found["latency"]["student_ms"]
    )


def test_every_score_can_be_computed_from_the_predictions(smoke):
    (run,) = sorted(smoke.glob("outputs/runs/*/*"))[:1]
    found = json.loads((run / "result.json").read_text())
    rows = lines(run / found["predictions"]["sst2"])
    assert len(rows) == len({row["id"] for row in rows}) == 64
    gold = [row["gold"] for row in rows]
    decided = {n: [np.argmax(row[n]) for row in rows] for n in ("teacher", "student", "baseline")}
    for name, values in decided.items():
        expected = 100 * accuracy_score(gold, values)
        assert found[name]["scores"]["sst2"]["accuracy"] == pytest.approx(expected)
    alike = 100 * accuracy_score(decided["teacher"], decided["student"])
    assert found["student"]["agreement"]["sst2"] == pytest.approx(alike)


def test_the_run_folder_explains_itself(smoke):
    (run,) = sorted(smoke.glob("outputs/runs/*/*"))[:1]
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["scale"] == "smoke"
    assert "${" not in (run / "config.yaml").read_text()
    overrides = yaml.safe_load((run / ".hydra/overrides.yaml").read_text())
    assert overrides == SMOKE
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    networks = {row["network"] for row in rows}
    assert networks == {"teacher sst2", "student sst2 (student)", "student sst2 (baseline)"}
    assert {"train/loss", "val/macro"} <= {row["metric"] for row in rows}
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    for link in (run / "artifacts").iterdir():
        assert (link / "manifest.json").is_file()


def test_the_same_command_again_builds_nothing(smoke, monkeypatch, capfd):
    assert call(smoke, monkeypatch, *SMOKE) == 0
    assert "builds" not in capfd.readouterr().err
    first, *_, last = results(smoke)
    assert set(last["reused"]) == set(last["wall_s"]) == set(first["wall_s"])
    assert last["student"] == first["student"]


def test_another_seed_shares_teacher_and_store(smoke, monkeypatch):
    assert call(smoke, monkeypatch, *SMOKE, "seed=1") == 0
    first, *_, last = results(smoke)
    assert {"teacher sst2", "teacher_outputs sst2"} <= set(last["reused"])
    assert "student sst2 (student)" not in last["reused"]
    assert last["seed"] == 1
    assert last["student"]["scores"].keys() == first["student"]["scores"].keys()


def test_the_live_teacher_trains_the_same_student(smoke, monkeypatch):
    assert call(smoke, monkeypatch, *SMOKE, "teacher.source=live") == 0
    stored, *_ = results(smoke)
    live = results(smoke)[-1]
    assert "student sst2 (student)" not in live["reused"]
    rows = [
        lines(sorted(smoke.glob("outputs/runs/*/*"))[index] / "predictions/sst2.jsonl")
        for index in (0, -1)
    ]
    for one, other in zip(*rows, strict=True):
        assert one["student"] == pytest.approx(other["student"], abs=1e-4)
    assert stored["student"]["scores"] == live["student"]["scores"]


def test_pairs_grades_and_embeddings_of_the_teacher(command, tmp_path):
    status = command(
        *SMOKE, "task=[mrpc,stsb]", "student/embeddings=teacher", "loss=[hard,soft_kl]"
    )
    assert status == 0
    (found,) = results(tmp_path)
    assert set(found["student"]["scores"]) == {"mrpc", "stsb"}
    (run,) = tmp_path.glob("outputs/runs/*/*")
    rows = lines(run / found["predictions"]["mrpc"])
    gold, decided = [r["gold"] for r in rows], [int(np.argmax(r["student"])) for r in rows]
    scores = found["student"]["scores"]["mrpc"]
    assert scores["f1"] == pytest.approx(100 * f1_score(gold, decided, zero_division=0))
    assert scores["accuracy"] == pytest.approx(100 * accuracy_score(gold, decided))
    rows = lines(run / found["predictions"]["stsb"])
    gold, graded = [r["gold"] for r in rows], [r["teacher"][0] for r in rows]
    scores = found["teacher"]["scores"]["stsb"]
    assert scores["pearson"] == pytest.approx(100 * pearsonr(gold, graded).statistic, abs=1e-2)
    assert scores["spearman"] == pytest.approx(100 * spearmanr(gold, graded).statistic, abs=1e-2)
    mean = np.mean([np.mean(list(v.values())) for v in found["student"]["scores"].values()])
    assert found["macro"]["student"] == pytest.approx(mean)


def test_finetune_and_teacher_are_experiments_of_their_own(command, tmp_path):
    assert command("+experiment=finetune", "scale=smoke") == 0
    assert command("+experiment=teacher", "scale=smoke") == 0
    alone, teacher = sorted(results(tmp_path), key=lambda found: found["experiment"])
    assert alone["teacher"] is None
    assert alone["baseline"] is None
    assert alone["student"]["scores"]["sst2"]["accuracy"] > 0
    assert teacher["student"] is None
    assert teacher["teacher"]["scores"]["sst2"]["accuracy"] > 0


@pytest.mark.parametrize("job", ["transfer_set", "teacher_outputs", "student"])
def test_a_part_of_the_work_is_a_job(smoke, monkeypatch, job):
    before = len(results(smoke))
    assert call(smoke, monkeypatch, *SMOKE, f"job={job}") == 0
    found = results(smoke)
    assert len(found) == before + 1
    assert any(title.startswith(job) for title in found[-1]["reused"])


def test_a_variant_is_an_arm_with_other_parts(smoke, monkeypatch):
    loss = "{_target_: kdlight.losses.hard.TeacherLabels, weight: 1.0}"
    variant = f"+variants={{bare: {{loss: {{teacher_labels: {loss}}}}}}}"
    assert call(smoke, monkeypatch, *SMOKE, variant.replace("+", "")) == 0
    found = results(smoke)[-1]
    assert set(found["variants"]) == {"bare"}
    assert set(found["variants"]["bare"]) >= {"scores", "macro", "params"}


def test_selection_on_dev_leaves_train_whole_and_reports_another_split(command, tmp_path):
    from kdlight.data.rows import read_rows

    assert command(*SMOKE, "selection=dev", "data.eval_split=test", "baseline=false") == 0
    (folder,) = tmp_path.glob("outputs/artifacts/task_rows/*/eval.arrow")
    splits = {
        name: {row.id.split("-")[0] for row in read_rows(folder.with_name(f"{name}.arrow"))}
        for name in ("train", "selection", "eval", "unlabelled")
    }
    expected = {"train": "train", "selection": "dev", "eval": "test", "unlabelled": "unlabelled"}
    assert splits == {name: {split} for name, split in expected.items()}
    (found,) = results(tmp_path)
    assert (found["selection"], found["split"]) == ("dev", "test")


def test_the_rows_that_choose_are_neither_learnt_from_nor_reported(smoke):
    from kdlight.data.rows import read_rows

    found = {}
    for kind, names in (
        ("task_rows", ("train", "selection", "eval")),
        ("transfer_set", ("transfer",)),
    ):
        for name in names:
            for path in smoke.glob(f"outputs/artifacts/{kind}/*/{name}.arrow"):
                found.setdefault(name, set()).update(row.text_a for row in read_rows(path))
    assert len(found["selection"]) > 10
    for name in ("train", "eval", "transfer"):
        assert not found["selection"] & found[name], name
    assert not found["eval"] & (found["train"] | found["transfer"])


def test_rank_variables_of_another_launcher_are_forgotten(command, tmp_path, monkeypatch):
    for key, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(key, value)
    assert command(*SMOKE, "baseline=false") == 0
    assert results(tmp_path)[0]["student"]["scores"]["sst2"]["accuracy"] > 0


def test_what_changes_the_weights_changes_the_name_and_a_folder_does_not(smoke, monkeypatch):
    assert call(smoke, monkeypatch, *SMOKE, "+trainer.gradient_clip_val=0.5", "baseline=false") == 0
    assert "student sst2 (student)" not in results(smoke)[-1]["reused"]
    assert call(smoke, monkeypatch, *SMOKE, "task.sst2.folder=elsewhere", "trainer.threads=2") == 0
    last = results(smoke)[-1]
    assert set(last["reused"]) == set(last["wall_s"])


def test_gradients_are_clipped_in_half_precision_too(command, tmp_path):
    half = ["teacher.precision=bf16-mixed", "trainer.precision=bf16-mixed"]
    assert command(*SMOKE, *half, "+trainer.gradient_clip_val=0.5", "baseline=false") == 0
    assert results(tmp_path)[0]["precision"]["student"] == "bf16-mixed"


def test_gold_alone_has_no_variants(command, tmp_path):
    variant = "variants={bare: {loss: {hard: {_target_: kdlight.losses.hard.Hard}}}}"
    assert command("+experiment=finetune", "scale=smoke", variant) == 0
    assert results(tmp_path)[0]["variants"] == {}


def test_text_files_labels_of_copies_and_arms_with_other_text(command, tmp_path):
    """Further sentences join the transfer set; an arm may have another augmentation."""
    from kdlight.data.rows import read_rows

    (tmp_path / "more.txt").write_text("One odd sentence here. Too short. Another odd line\n" * 2)
    plain = "{augmentation: {seed: 0, n_iter: 0, keep_labels: false}}"
    said = [
        *("data.text=[more.txt]", "data.text_words=[3,9]"),
        *("baseline=false", f"variants={{plain: {plain}}}", "data.unlabelled_rows=0"),
    ]
    assert command(*SMOKE, *said) == 0
    sets = [
        list(read_rows(path))
        for path in tmp_path.glob("outputs/artifacts/transfer_set/*/transfer.arrow")
    ]
    without, augmented = sorted(sets, key=len)
    texts = [row.text_a for row in without if row.source == "text"]
    assert texts == ["One odd sentence here.", "Another odd line"]
    labelled = sum(row.source == "gold" for row in without)
    assert labelled + 2 == len(without) < len(augmented)
    labels = {row.id: row.label for row in without}
    copies = [row for row in augmented if row.parent]
    assert {row.label for row in copies} == {0, 1}
    assert all(row.label == labels[row.parent] for row in copies)
    assert set(results(tmp_path)[0]["variants"]) == {"plain"}


def test_a_teacher_may_learn_for_a_part_of_an_epoch(command, tmp_path):
    steps = []
    for epochs in (1, 0.5):
        words = ["+experiment=teacher", "scale=smoke", f"teacher.max_epochs={epochs}"]
        assert command(*words, f"outputs={epochs}", "teacher.evaluations=1") == 0
        (curves,) = tmp_path.glob(f"{epochs}/artifacts/teacher/*/metrics.csv")
        steps.append(1 + int(curves.read_text().splitlines()[-1].split(",")[0]))
    assert steps[1] == round(steps[0] / 2) > 0
