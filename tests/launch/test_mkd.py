"""Whole MKD jobs at smoke scale: every way of sharing teachers and students in one result."""

import json
from statistics import fmean

import numpy as np
import pytest
import torch
from commands import call, results

from kdlight.data.encoded import EncodedRows
from kdlight.launch.result import agreement, read_predictions
from kdlight.methods.predict import predict
from kdlight.models.build import load_student, load_teacher

SMALL = ["scale=smoke", "data.max_rows=64", "data.unlabelled_rows=32", "data.eval_rows=48"]
LSTM = ["+experiment=mkd_lstm", *SMALL]
VARIANTS = {
    "single": "{method:{joint:false}}",
    "single_teachers": "{teacher:{joint:false}}",
    "ensemble": "{teacher:{ensemble:2}}",
    "refined": "{method:{refine:{trainer:{max_steps:4}}}}",
    "refined_table": (
        "{student:{embeddings:{start:teacher,dim:0}},method:{refine:{trainer:{max_steps:4}}}}"
    ),
    "weighted": (
        "{mixing:{_target_:kdlight.data.mixing.weighted,weights:{stsb:2}},"
        "method:{leave_out:[stsb],module:{task_weights:{stsb:3}}}}"
    ),
    "without_stsb": "{method:{leave_out:[stsb]}}",
    "mixed": "{mixing:{_target_:kdlight.data.mixing.temperature,tau:0.5}}",
    "annealed": "{loss:{annealed:{_target_:kdlight.losses.annealed.Annealed}}}",
}
TASKS = ("sst2", "mrpc", "stsb")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(folder, result) of a job with an arm for everything."""
    folder = tmp_path_factory.mktemp("mkd")
    arms = [f"+variants.{name}={changes}" for name, changes in VARIANTS.items()]
    with pytest.MonkeyPatch.context() as patch:
        assert call(folder, patch, *LSTM, *arms) == 0
    (found,) = results(folder)
    return folder, found


def artifacts(folder, kind):
    found = [
        json.loads(path.read_text())
        for path in folder.glob(f"outputs/artifacts/{kind}/*/manifest.json")
    ]
    return {made["title"]: made for made in found}


def test_every_arm_is_scored_on_every_task_that_it_learns(run):
    _, found = run
    assert (found["experiment"], found["method"]) == ("mkd_lstm", "mkd")
    names = {*VARIANTS, "single_teacher", "ensemble_teacher"}  # the teachers of all but the first
    assert set(found["variants"]) == names
    for name, arm in {**found["variants"], "student": found["student"]}.items():
        less = name in ("without_stsb", "weighted")
        expected = [task for task in TASKS if not less or task != "stsb"]
        assert list(arm["scores"]) == expected
        assert set(arm["agreement"]) == set(expected)
    assert set(found["student"]["scores"]["mrpc"]) == {"f1", "accuracy"}
    scores = [fmean(values.values()) for values in found["student"]["scores"].values()]
    assert found["macro"]["student"] == pytest.approx(fmean(scores))


def test_arms_agree_with_the_teachers_that_they_had(run):
    """Also the second of two arms with the same teachers, whose name these do not have."""
    folder, found = run
    (path,) = folder.glob("outputs/runs/*/*/predictions/stsb.jsonl")
    rows = read_predictions(path)
    for name in ("single", "single_teachers"):
        said = {n: [row[n] for row in rows] for n in (name, "single_teacher", "teacher")}
        own = agreement(said["single_teacher"], said[name])
        assert found["variants"][name]["agreement"]["stsb"] == pytest.approx(own)
        assert agreement(said["teacher"], said[name]) != pytest.approx(own)


def test_what_is_shared_is_built_once(run):
    folder, _ = run
    together = "+".join(TASKS)
    alone = {f"teacher {task}" for task in TASKS}
    both = {f"teacher {together}", f"teacher {together} (seed 1)"}
    assert set(artifacts(folder, "teacher")) == alone | both
    assert len(artifacts(folder, "teacher_outputs")) == 3  # titles; three teachers each
    assert len(list(folder.glob("outputs/artifacts/teacher_outputs/*/manifest.json"))) == 9
    students = set(artifacts(folder, "student"))
    assert {f"student {task} (single)" for task in TASKS} <= students
    assert {f"student {task} (refined, refined)" for task in TASKS} <= students
    assert f"student {together} (refined)" not in students  # it is the first arm's


def test_the_time_of_each_arm_is_that_of_its_own_networks(run):
    folder, found = run
    made = [path.parent for path in folder.glob("outputs/artifacts/teacher/*/manifest.json")]
    spent = [json.loads((path / "manifest.json").read_text()) for path in made]
    alone = [one["seconds"] for one in spent if "+" not in one["title"]]
    assert found["train_s"]["single_teacher"] == pytest.approx(sum(alone), abs=0.01)
    joint = [one["seconds"] for one in spent if one["title"] == f"teacher {'+'.join(TASKS)}"]
    assert found["train_s"]["teacher"] == pytest.approx(*joint, abs=0.01)
    # Refined students rest on a joint one, which is the first arm's.
    wall, together = found["wall_s"], f"student {'+'.join(TASKS)} (student)"
    own = [wall[f"student {task} (refined, refined)"] for task in TASKS]
    assert found["train_s"]["refined"] == pytest.approx(wall[together] + sum(own), abs=0.01)
    # A time an artifact, though three have the same title.
    assert len([title for title in wall if title.startswith("teacher_outputs")]) == 9


def test_a_joint_teacher_notes_how_good_it_is_on_each_task(run):
    folder, _ = run
    paths = [path.parent for path in folder.glob("outputs/artifacts/teacher/*/manifest.json")]
    tasks = 0
    for path in paths:
        floor = json.loads((path / "floor.json").read_text())
        for part in ("selection", "majority"):
            each = [about[part] for about in floor["tasks"].values()]
            assert fmean(each) == pytest.approx(floor[part], abs=1e-3)
        tasks = max(tasks, len(floor["tasks"]))
    assert tasks == len(TASKS)


def test_an_ensemble_says_the_mean_of_its_members(run):
    folder, _ = run
    ((ensemble),) = (p.parent for p in folder.glob("outputs/artifacts/ensemble/*/manifest.json"))
    parents = json.loads((ensemble / "manifest.json").read_text())["parents"]
    teachers = folder / "outputs/artifacts/teacher"
    members = [load_teacher(teachers / parents[f"member/{n}"]) for n in (0, 1)]
    (store,) = [
        path.parent for path in folder.glob("outputs/artifacts/teacher_outputs/*/manifest.json")
        if json.loads(path.read_text())["parents"]["teacher"] == ensemble.name
        and json.loads(path.read_text())["config"]["task"] == "mrpc"
    ]  # fmt: skip
    tokens = json.loads((store / "manifest.json").read_text())["parents"]["tokens"]
    rows = EncodedRows(folder / "outputs/artifacts/tokens" / tokens / "transfer", "mrpc")
    mean = torch.stack([predict(member, rows) for member in members]).mean(dim=0)
    stored = torch.from_numpy(np.load(store / "logits.npy"))
    torch.testing.assert_close(stored, mean, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(predict(members[0], rows), mean, atol=1e-4)


def test_a_layer_loss_learns_from_the_live_teacher(tmp_path, monkeypatch):
    options = ["+experiment=mkd_transformer3", *SMALL, "teacher.source=live", "baseline=false"]
    losses = ["loss=[logit_mse,hidden,attention,pkd]", "+student.encoder.shape.hidden_size=16"]
    assert call(tmp_path, monkeypatch, *options, *losses, "student.start.from=random") == 0
    (found,) = results(tmp_path)
    assert list(found["student"]["scores"]) == list(TASKS)
    lines = (tmp_path / "outputs/runs").glob("*/*/metrics.csv")
    rows = [line.split(",") for path in lines for line in path.read_text().splitlines()]
    metrics = {row[2] for row in rows if row[0].startswith("student")}
    kinds = {metric.split("/")[-1] for metric in metrics if metric.startswith("train/")}
    assert kinds == {"loss", "logit_mse", "hidden", "attention", "pkd"}


def test_a_layer_loss_from_the_store_is_refused_with_the_remedy(tmp_path, monkeypatch, capfd):
    options = ["+experiment=mkd_transformer3", *SMALL, "loss=[hidden]"]
    assert call(tmp_path, monkeypatch, *options) == 2
    assert "set teacher.source=live" in capfd.readouterr().err
    assert not list(tmp_path.glob("outputs/artifacts/*"))


def test_a_transformer_student_is_a_hugging_face_folder(tmp_path, monkeypatch, make_batch):
    from transformers import AutoModel

    options = ["+experiment=mkd_transformer3", *SMALL, "baseline=false", "job=student"]
    assert call(tmp_path, monkeypatch, *options) == 0
    (folder,) = tmp_path.glob("outputs/artifacts/student/*/encoder")
    model, ours = AutoModel.from_pretrained(folder).eval(), load_student(folder.parent)
    batch = make_batch([5, 5], task="sst2")
    with torch.no_grad():
        theirs = model(input_ids=batch.joint.input_ids, token_type_ids=batch.joint.token_type_ids)
        found = ours.encoder(batch)
    torch.testing.assert_close(found, theirs.last_hidden_state.mean(dim=1), rtol=1e-4, atol=1e-5)
