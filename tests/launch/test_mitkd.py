"""Whole MITKD jobs at smoke scale: what is built, what is compared, and what comes out of it."""

import csv
import json
import re
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
import yaml
from commands import call, plain, results
from transformers import AutoModel, AutoTokenizer

from kdlight.data.blocks import MOST_HELD, Blocks
from kdlight.data.rows import read_rows
from kdlight.launch.graph import in_order
from kdlight.launch.job import Job
from kdlight.launch.table import closing
from kdlight.models.build import build_student, load_student
from kdlight.models.pretrained import load_encoder
from kdlight.models.transformer import start_embeddings
from kdlight.report.task_groups import group_tables
from kdlight.report.write import write_report
from kdlight.types import Output, UserError

MITKD = ["+experiment=mitkd", "scale=smoke", "data.max_rows=64", "data.eval_rows=48"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(folder, result) of a job."""
    folder = tmp_path_factory.mktemp("mitkd")
    with pytest.MonkeyPatch.context() as patch:
        assert call(folder, patch, *MITKD) == 0
    (found,) = results(folder)
    return folder, found


def artifacts(folder, kind):
    """Manifests by title, each with its folder."""
    return {
        json.loads(path.read_text())["title"]: path.parent
        for path in folder.glob(f"outputs/artifacts/{kind}/*/manifest.json")
    }


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def built(folder):
    return (folder / "manifest.json").stat().st_mtime_ns


def test_infused_plain_and_random_are_compared_group_by_group(run):
    _, found = run
    groups = found["groups"]
    assert {name: group["tasks"] for name, group in groups.items()} == {
        "in_domain": ["sst2", "mrpc"],
        "out_of_domain": ["cola"],
        "low_resource_4": ["cola_4rows_1", "cola_4rows_2"],
    }
    assert (found["experiment"], found["method"]) == ("mitkd", "agnostic")
    for group in groups.values():
        assert set(group["macro"]) == {"teacher", "student", "baseline", "plain"}
        for name, arm in (("student", found["student"]), ("plain", found["variants"]["plain"])):
            scores = [fmean(arm["scores"][task].values()) for task in group["tasks"]]
            assert group["macro"][name] == pytest.approx(fmean(scores))
    tasks = {task for group in groups.values() for task in group["tasks"]}
    for arm in (found["student"], found["baseline"]):
        assert set(arm["agreement"]) == tasks
    assert found["variants"]["plain"]["agreement"] == {}  # its own teacher is not scored
    assert "rates" not in found
    assert found["latency"]["speedup"] > 0
    sizes = {found["student"]["params"], found["variants"]["plain"]["params"]}
    assert len(sizes) == 1
    assert next(iter(sizes)) < found["teacher"]["params"]


def test_a_report_holds_the_groups_against_the_controls(run):
    folder, found = run
    (group,) = write_report(f"{folder}/outputs/runs/*/*", folder / "report")
    table, apart = group_tables(group)
    assert table.columns[:2] == ["network", "in-domain (2)"]
    student = dict(zip(table.columns, table.rows[-1], strict=True))
    assert student["network"] == "student, distilled"
    macro = found["groups"]["low_resource_4"]["macro"]
    assert student["low-resource-4 (2)"] == f"{macro['student']:.1f}"
    scores = found["student"]["scores"]
    over = stdev(fmean(scores[f"cola_4rows_{draw}"].values()) for draw in (1, 2))
    assert student["± over draws"] == f"{over:.1f}"
    assert apart.columns == ["network", "beside", "in-domain", "out-of-domain", "low-resource-4"]
    random, plain = "student, random weights", "student, plain teacher"
    pairs = [(network, other) for network, other, *_ in apart.rows if other != "teacher"]
    assert pairs == [(plain, random), ("student, distilled", random), ("student, distilled", plain)]
    assert apart.rows[-1][-1] == f"{macro['student'] - macro['plain']:+.1f}"
    assert apart.notes[0].endswith("too few for a verdict.")
    assert "## mitkd: groups of tasks" in (folder / "report/report.md").read_text()


def test_the_command_closes_with_the_groups_side_by_side(run, capsys):
    folder, found = run
    place = sorted(folder.glob("outputs/runs/*/*"))[0]
    closing(found, yaml.safe_load((place / "config.yaml").read_text()), place)
    said = " ".join(capsys.readouterr().out.split())
    for group in ("in-domain", "out-of-domain", "low-resource-4"):
        assert group in said
    for network in ("teacher", "student, random weights", "student, plain teacher"):
        assert network in said
    for group in found["groups"].values():
        for score in group["macro"].values():
            assert f"{score:.1f}" in said
    sizes = (found[network]["params_without_embeddings"] for network in ("teacher", "student"))
    assert "teacher {:,}, student {:,}".format(*sizes) in said
    assert f"{found['latency']['speedup']:.1f}x as fast" in said


def test_each_student_is_made_from_its_own_teacher(run):
    folder, _ = run
    bodies, teachers = artifacts(folder, "agnostic"), artifacts(folder, "teacher")
    (pretrain,) = artifacts(folder, "pretrain").values()
    assert set(bodies) == {"agnostic (student)", "agnostic (plain)"}
    parents = {name: manifest(body)["parents"]["teacher"] for name, body in bodies.items()}
    assert parents["agnostic (student)"] == teachers["teacher sst2+mrpc"].name
    assert parents["agnostic (plain)"] == pretrain.name
    assert manifest(teachers["teacher sst2+mrpc"])["parents"]["pretrain"] == pretrain.name
    # What the teacher scores is its refinement on each task, also on those it has not learnt.
    for task in ("sst2", "cola", "cola_4rows_2"):
        start = manifest(teachers[f"teacher {task} (refined)"])["parents"]["start"]
        assert start == teachers["teacher sst2+mrpc"].name
    # Most of the rest waits for what learns plain text; nothing for a refined teacher.
    refined = [name for name in teachers if name.endswith("(refined)")]
    assert built(bodies["agnostic (student)"]) < min(built(teachers[name]) for name in refined)
    students = artifacts(folder, "student")
    for task in ("sst2", "cola_4rows_1"):
        body = manifest(students[f"student {task} (student)"])["parents"]["body"]
        assert body == bodies["agnostic (student)"].name
        assert "body" not in manifest(students[f"student {task} (baseline)"])["parents"]


def test_fine_tuning_starts_from_the_distilled_weights(run):
    from kdlight.stages import student as stage

    folder, _ = run
    bodies = artifacts(folder, "agnostic")
    made = artifacts(folder, "student")["student sst2 (student)"]
    model = load_student(made)
    about = manifest(made)
    spec = type("Spec", (), {})()
    spec.inputs = {"body": str(bodies["agnostic (student)"])}
    spec.config, spec.runtime = about["config"], {}
    fresh = build_student(about["config"]["student"], {"sst2": Output(2, False)}, *_tokens(folder))
    started = stage.started(spec, fresh)
    expected = load_encoder(bodies["agnostic (student)"] / "encoder", "mean").state_dict()
    for name, weight in started.encoder.state_dict().items():
        assert torch.equal(weight, expected[name])
    assert not torch.equal(
        model.encoder.state_dict()["model.embeddings.word_embeddings.weight"],
        expected["model.embeddings.word_embeddings.weight"],
    )


def _tokens(folder):
    (tokenizer,) = artifacts(folder, "tokenizer").values()
    special = json.loads((tokenizer / "special.json").read_text())
    return special["size"], special["pad"]


def test_draws_hold_so_many_rows_a_class_and_differ(run):
    folder, _ = run
    rows = artifacts(folder, "task_rows")
    drawn = [
        list(read_rows(rows[f"task_rows cola_4rows_{n}"] / "train.arrow")) for n in (1, 2)
    ]  # fmt: skip
    for part in drawn:
        assert sorted(row.label for row in part) == [0] * 4 + [1] * 4
    assert {row.id for row in drawn[0]} != {row.id for row in drawn[1]}
    whole = {row.id for row in read_rows(rows["task_rows cola"] / "train.arrow")}
    assert {row.id for row in drawn[0]} <= whole
    held = list(read_rows(rows["task_rows cola_4rows_1"] / "selection.arrow"))
    assert 0 < len(held) <= 8
    scored = [
        [row.id for row in read_rows(rows[f"task_rows {name}"] / "eval.arrow")]
        for name in ("cola", "cola_4rows_1")
    ]
    assert scored[0] == scored[1]


def test_the_student_is_a_hugging_face_model(run):
    """Its hidden states are ours."""
    folder, _ = run
    encoder = artifacts(folder, "agnostic")["agnostic (student)"] / "encoder"
    theirs = AutoModel.from_pretrained(encoder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
    words = tokenizer("the hotel was clean and the rooms were tidy", return_tensors="pt")
    assert tokenizer.unk_token_id not in words["input_ids"]
    assert tokenizer.model_max_length == theirs.config.max_position_embeddings == 160
    (corpus,) = artifacts(folder, "corpus").values()
    batch = Blocks(corpus / "train").batch(np.arange(3), frozenset({"joint"}))
    ours = load_encoder(encoder, "mean").eval()
    with torch.inference_mode():
        _, parts = ours.with_parts(batch, frozenset({"hidden_states"}))
        found = theirs(
            batch.joint.input_ids,
            attention_mask=batch.joint.mask.long(),
            token_type_ids=batch.joint.token_type_ids,
            output_hidden_states=True,
        )
    for mine, other in zip(parts["hidden_states"], found.hidden_states, strict=True):
        torch.testing.assert_close(mine, other)


def test_a_student_with_a_pooler_is_one_too(run, monkeypatch):
    """What it is fine-tuned from is `pooler_output` of its folder."""
    folder, _ = run
    alone = ["job=student", "~variants.plain", "baseline=false"]
    assert call(folder, monkeypatch, *MITKD, *alone, "student.encoder.pooling=pooler") == 0
    made = [
        path.parent / "encoder"
        for path in folder.glob("outputs/artifacts/agnostic/*/manifest.json")
        if json.loads(path.read_text())["config"]["student"]["encoder"]["pooling"] == "pooler"
    ]
    (encoder,) = made
    theirs = AutoModel.from_pretrained(encoder, local_files_only=True).eval()
    (corpus,) = artifacts(folder, "corpus").values()
    batch = Blocks(corpus / "train").batch(np.arange(3), frozenset({"joint"}))
    ours = load_encoder(encoder, "pooler").eval()
    with torch.inference_mode():
        found = theirs(
            batch.joint.input_ids,
            attention_mask=batch.joint.mask.long(),
            token_type_ids=batch.joint.token_type_ids,
        )
        torch.testing.assert_close(ours(batch), found.pooler_output)
    assert found.pooler_output.std() > 0


def test_it_holds_the_best_weights_of_its_training(run):
    """Their distance from the teacher, computed anew with Hugging Face's own layers."""
    folder, _ = run
    body = artifacts(folder, "agnostic")["agnostic (student)"]
    teacher = artifacts(folder, "teacher")["teacher sst2+mrpc"]
    (corpus,) = artifacts(folder, "corpus").values()
    loss, values = distance(corpus, body, teacher, -1), noted_losses(body)
    assert len(set(values)) == 2
    assert loss == pytest.approx(min(values), rel=1e-3)
    assert loss != pytest.approx(max(values), rel=1e-3)


def test_another_layer_of_the_teacher_is_learnt(run, monkeypatch):
    folder, _ = run
    layers = ["loss.relation.teacher_layer=1", "loss.relation.student_layer=1"]
    alone = ["job=student", "task=[sst2]", "teacher=plain", "~variants.plain", "baseline=false"]
    assert call(folder, monkeypatch, *MITKD, *alone, *layers) == 0
    (body,) = [
        path.parent
        for path in folder.glob("outputs/artifacts/agnostic/*/manifest.json")
        if json.loads(path.read_text())["config"]["loss"]["relation"]["teacher_layer"] == 1
    ]
    (corpus,), (teacher,) = (artifacts(folder, k).values() for k in ("corpus", "pretrain"))
    best = min(noted_losses(body))
    assert distance(corpus, body, teacher, 0) == pytest.approx(best, rel=1e-3)
    assert distance(corpus, body, teacher, 1) != pytest.approx(best, rel=1e-2)


def noted_losses(body):
    with (body / "metrics.csv").open() as file:
        return [float(x["value"]) for x in csv.DictReader(file) if x["metric"] == "val/text/loss"]


def distance(corpus, body, teacher, layer):
    """How far relations of a layer are apart on held-out text."""
    held = Blocks(corpus / "selection", most=MOST_HELD)
    ids = held.batch(np.arange(len(held)), frozenset()).joint.input_ids
    ours, theirs = (vectors(made / "encoder", ids, layer) for made in (body, teacher))
    terms = [naive_kl(mine, other, 16) for mine, other in zip(ours, theirs, strict=True)]
    return float(sum(terms))


def vectors(folder, ids, layer):
    """Queries, keys and values of a layer, [batch seq hidden] each."""
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    with torch.inference_mode():
        states = model(ids, output_hidden_states=True).hidden_states[:-1][layer]
        part = model.encoder.layer[layer].attention.self
        return [getattr(part, name)(states) for name in ("query", "key", "value")]


def naive_kl(ours, theirs, heads):
    """Row by row and head by head."""
    found = []
    for mine, other in zip(ours, theirs, strict=True):
        for one, two in zip(mine.chunk(heads, 1), other.chunk(heads, 1), strict=True):
            p = torch.softmax(two @ two.T / two.shape[1] ** 0.5, 1)
            q = torch.softmax(one @ one.T / one.shape[1] ** 0.5, 1)
            found.append((p * (p.log() - q.log())).sum(1).mean())
    return torch.stack(found).mean()


def test_other_losses_learn_from_the_plain_teacher(run, monkeypatch):
    """Layers and words beside relations; the distribution over words needs a head for them."""
    folder, _ = run
    losses = "loss=[relation,hidden,attention,masked_words,word_kl]"
    short = [*MITKD, losses, "teacher=plain", "~variants.plain", "baseline=false", "job=student"]
    assert call(folder, monkeypatch, *short, "task=[sst2]") == 0
    made = [body for body in folder.glob("outputs/artifacts/agnostic/*/metrics.csv")
            if "val/text/word_kl" in body.read_text()]  # fmt: skip
    (curves,) = made
    for loss in ("relation", "hidden", "attention", "masked_words", "loss"):
        assert f"val/text/{loss}," in curves.read_text()
    assert (curves.parent / "words.safetensors").exists()


def baselines(folder):
    """The artifacts of students from random weights."""
    found = folder.glob("outputs/artifacts/student/*/manifest.json")
    return {at.parent.name for at in found if "(baseline)" in json.loads(at.read_text())["title"]}


def test_its_embeddings_can_start_from_the_teachers(run, monkeypatch):
    """Seen where the distillation moves nothing; random weights stay random."""
    folder, _ = run
    before = baselines(folder)
    words = ["method.text.embeddings=teacher", "method.text.optimizer.lr=0", "method.text.seed=9"]
    assert call(folder, monkeypatch, *MITKD, *words, "job=student", "task=[sst2,mrpc]") == 0
    (pretrain,) = artifacts(folder, "pretrain").values()
    found = [
        path.parent
        for path in folder.glob("outputs/artifacts/agnostic/*/manifest.json")
        if json.loads(path.read_text())["config"]["embeddings"] == "teacher"
    ]
    assert len(found) == 2  # the infused teacher's and the plain one's
    (body,) = [at for at in found if manifest(at)["parents"]["teacher"] == pretrain.name]
    ours, theirs = (
        load_encoder(body / "encoder", "mean"),
        load_encoder(pretrain / "encoder", "mean"),
    )
    expected = load_encoder(body / "encoder", "mean")
    with torch.no_grad():
        expected.embeddings.weight.zero_()
    start_embeddings(expected, theirs)
    assert expected.embeddings.weight.std() > 0
    torch.testing.assert_close(ours.embeddings.weight, expected.embeddings.weight)
    assert before == baselines(folder)


def test_students_alone_need_no_refined_teacher(tmp_path, monkeypatch):
    words = ["job=student", "task=[sst2,mrpc]", "teacher.leave_out=[]", "~variants.plain"]
    words += ["data.low_resource.tasks=[]", "baseline=false"]
    assert call(tmp_path, monkeypatch, *MITKD, *words) == 0
    assert set(artifacts(tmp_path, "teacher")) == {"teacher sst2+mrpc"}
    assert len(artifacts(tmp_path, "student")) == 2
    (found,) = results(tmp_path)
    assert not any("refined" in name for name in found["wall_s"])


def test_while_another_command_infuses_students_without_tasks_behind_them_are_made(
    tmp_path, monkeypatch
):
    class EnoughError(Exception):
        pass

    offered = {}

    def do(_, __, meanwhile=()):
        for node in meanwhile:
            offered[node.title] = {one.kind for one in in_order([node])}
        if offered:
            raise EnoughError

    monkeypatch.setattr("kdlight.launch.execute.Executor.do", do)
    monkeypatch.setattr(Job, "_try_out", lambda *_: None)
    with pytest.raises(EnoughError):
        Job(plain(f"outputs={tmp_path}/out", experiment="mitkd"), tmp_path).run()
    students = {title: made for title, made in offered.items() if title.startswith("student ")}
    assert {title.split("(")[1] for title in students} == {"plain)", "baseline)"}
    assert not any("teacher" in kinds for kinds in students.values())
    assert all("agnostic" in kinds for title, kinds in students.items() if "(plain)" in title)


def test_a_teacher_is_held_against_its_floor_once(run, monkeypatch):
    """Also one that is refined on several tasks, and so stands behind each of these."""
    folder, _ = run
    asked = []
    monkeypatch.setattr(
        "kdlight.launch.job.check_teacher_floor", lambda at, *_: asked.append(at.name)
    )
    assert call(folder, monkeypatch, *MITKD) == 0
    assert artifacts(folder, "teacher")["teacher sst2+mrpc"].name in asked
    assert len(asked) == len(set(asked))


def test_once_more_builds_nothing(run, monkeypatch):
    folder, found = run
    assert call(folder, monkeypatch, *MITKD) == 0
    again = max(results(folder), key=lambda result: len(result["reused"]))
    assert set(again["reused"]) >= set(found["wall_s"])
    assert again["macro"] == found["macro"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("loss.relation.heads=5", "heads=5 does not divide the widths 32 .*16 divide both"),
        ("loss.relation.teacher_layer=3", "teacher_layer=3: the teacher has layers 1 to 2"),
        ("student=bilstm", "needs a Transformer that reads as its teacher does"),
        ("teacher.leave_out=[sst2,mrpc,cola]", "leaves the teacher no task"),
        ("loss.relation.weights=[1,1]", "weights=.1, 1. must be three numbers of 0 or more"),
        ("data.text=[README.md]", "the plain text of method=agnostic is data.corpus"),
        ("data.block_length=200", "block_length=200 is more than the 160 tokens that the teacher"),
        (
            "student.encoder.shape.max_position_embeddings=16",
            r"max_length=32 is more than the 16 tokens that the student .*set data.max_length=16",
        ),
        (
            "student.encoder.shape.max_position_embeddings=32 data.block_length=64",
            "data.block_length=64 is more than the 32 tokens that the student can read",
        ),
        (
            "student.encoder.shape.model_type=roberta data.block_length=63 "
            "student.encoder.shape.max_position_embeddings=64",
            "data.block_length=63 is more than the 62 tokens that the student can read",
        ),
        ("+student/tokenizer=words", "needs a Transformer that reads as its teacher does"),
        ("loss.relation.heads=0", "heads=0 does not divide the widths"),
        ("loss.relation.teacher_layer=1.5", "teacher_layer=1.5 must be a whole number"),
        ("student.encoder.shape.num_attention_heads=5", "under student cannot be used: .*heads"),
        ("student.head.dropout=3", "under student cannot be used: dropout"),
        ("student.encoder.pooling=last", "pooling=last is not one of cls, mean"),
        ("optimizer.lr=-1", "under optimizer cannot be used: Invalid learning rate"),
        ("method.text.optimizer.lr=-1", "under method.text.optimizer cannot be used: Invalid"),
        ("teacher.optimizer.lr=-1", "under teacher.optimizer cannot be used: Invalid"),
        ("teacher.pretrain.optimizer.lr=-1", "under teacher.pretrain.optimizer cannot be used"),
        ("+schedule.steps=3", "under schedule cannot be used: "),
        ("+variants.x.optimizer.lr=-1", "variants.x: The settings under optimizer cannot be used"),
        ("trainer=gpu", "trainer.accelerator=gpu, but there is no GPU here"),
        ("teacher.leave_out=[mpc]", "teacher.leave_out: there is no task mpc; did you mean mrpc"),
        ("data.low_resource.tasks=[nope]", "data.low_resource.tasks: there is no task nope"),
        ("teacher.tokenizer.size=5", "teacher.tokenizer.size=5 must be a whole number"),
        ("student.start.from=teacher", "student's hidden_size is 16, the teacher's 32"),
        (
            "student.start.from=teacher student.encoder.shape.hidden_size=32 "
            "student.encoder.shape.intermediate_size=64 student.encoder.pooling=pooler",
            "the teacher has no pooler: set student.encoder.pooling=mean",
        ),
        ("job=teacher_outputs", "this student learns from plain text"),
        ("loss=[relation,hard]", "Loss hard needs logits, but text without tasks has none"),
        ("loss=[logit_mse,soft_kl]", "Loss logit_mse, soft_kl needs logits"),
        ("loss=[annealed]", "Loss annealed needs logits"),
        ("loss=[word_kl]", "Loss word_kl needs words of the teacher"),
        ("teacher.shape.model_type=modernbert", "of a ModernBertModel are not made by a linear"),
        ("method.text.embeddings=random", "embeddings=random must be teacher or null"),
        (
            "+loss.other={_target_:kdlight.losses.relation.Relation,teacher_layer:1}",
            "Losses relation, other compare relations of different layers",
        ),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_trained(word, sentence, tmp_path):
    config = plain(*word.split(), f"outputs={tmp_path}/out", experiment="mitkd")
    with pytest.raises(UserError, match=sentence):
        Job(config, tmp_path).run()
    assert not (tmp_path / "out/artifacts/pretrain").exists()


@pytest.mark.parametrize(("block", "told"), [(32, False), (31, True)])
def test_positions_that_plain_text_does_not_reach_are_told(block, told, tmp_path, caplog):
    words = [f"data.block_length={block}", f"outputs={tmp_path}/out"]
    Job(plain(*words, experiment="mitkd"), tmp_path)
    sentence = "data.max_length=32 is more than data.block_length=31: .*set data.block_length=32"
    found = [record for record in caplog.records if re.search(sentence, record.message)]
    assert len(found) == told  # once, however many arms
    caplog.clear()
    Job(plain(*words, experiment="kd_bilstm"), tmp_path)
    assert caplog.records == []


def test_a_plain_teacher_of_random_weights_is_refused(tmp_path):
    config = plain("teacher.pretrain=null", f"outputs={tmp_path}/out", experiment="mitkd")
    with pytest.raises(UserError, match="plain teacher with random weights teaches nothing"):
        Job(config, tmp_path).run()


def test_each_student_starts_from_its_own_teacher(tmp_path):
    """The baseline, called random, from nothing at all."""
    start = ["student.start.from=teacher", "student.encoder.pooling=mean"]
    start += [f"student.encoder.shape.{key}" for key in ("hidden_size=32", "intermediate_size=64")]
    job = Job(plain(*start, f"outputs={tmp_path}/out", experiment="mitkd"), tmp_path)
    students = {name: arm.students()[("sst2",)] for name, arm in job.arms.items()}
    for name, kind in (("student", "teacher"), ("plain", "pretrain")):
        body = students[name].parents["body"]
        assert body.config["student"]["start"]["from"] == "teacher"
        assert body.parents["layers"].kind == kind
        assert body.parents["layers"].fingerprint == body.parents["teacher"].fingerprint
    baseline = students["baseline"]
    assert baseline.config["student"]["start"]["from"] == "random"
    assert not {"layers", "body", "start"} & set(baseline.parents)


def test_one_encoder_serves_all_seeds_where_that_is_asked_for(tmp_path):
    def bodies(*more):
        found = []
        for seed in (1, 2):
            options = (*more, f"seed={seed}", f"outputs={tmp_path}/out")
            job = Job(plain(*options, experiment="mitkd"), tmp_path)
            student = job.arms["student"].students()[("sst2",)]
            found.append((student.parents["body"].fingerprint, student.fingerprint))
        return zip(*found, strict=True)

    (one, other), (first, second) = bodies()
    assert one != other
    assert first != second
    (one, other), (first, second) = bodies("method.text.seed=1")
    assert one == other
    assert first != second


def test_a_body_without_tasks_gives_its_layers(run):
    """As that of a plain student that starts from the encoder made on the spot."""
    from kdlight.stages import student as stage

    folder, _ = run
    (pretrain,) = artifacts(folder, "pretrain").values()
    config = plain("student.encoder.pooling=mean", experiment="mitkd")["student"]
    shape = json.loads((pretrain / "encoder/config.json").read_text())
    depth = config["encoder"]["shape"]["num_hidden_layers"]
    config["encoder"]["shape"] = {**shape, "num_hidden_layers": depth}
    spec = type("Spec", (), {})()
    spec.inputs, spec.runtime = {"layers": str(pretrain)}, {}
    spec.config = {"student": config}
    fresh = build_student(config, {}, *_tokens(folder))
    started = stage.started(spec, fresh).encoder.state_dict()
    for name, weight in load_encoder(pretrain / "encoder", "mean").state_dict().items():
        if name in started:
            assert torch.equal(started[name], weight)


SIZES = {
    "tiny_4x312": 14_350_248,
    "mini_6x384": 22_713_216,
    "medium_6x768": 66_955_008,
    "pico_3x128": 4_584_192,
}


@pytest.mark.parametrize(("student", "count"), SIZES.items())
def test_students_have_the_published_sizes(student, count):
    """With BERT's vocabulary of 30,522 and a pooler."""
    config = plain(f"student={student}", experiment="mitkd")["student"]
    with torch.device("meta"):
        model = build_student(config, {}, 30522, 0)
    assert sum(parameter.numel() for parameter in model.parameters()) == count
