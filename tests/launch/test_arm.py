"""Which networks an arm needs, and what each of them is made from."""

import json
import logging
import shutil

import pytest
from commands import plain

from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms, distinct
from kdlight.launch.plan import Plan
from kdlight.schema import check
from kdlight.types import UserError

TASKS = ("sst2", "mrpc", "stsb")


def arm(*overrides, experiment="mkd_transformer3", name="student"):
    config = plain(*overrides, experiment=experiment)
    check(config)
    return Arm(Plan(config), name, arms(config)[name])


def teacher_tasks(made):
    return [tuple(node.config["tasks"]) for node in made.teachers.nodes().values()]


def test_a_variant_that_changes_nothing_is_left_out(caplog):
    """Such as the control of MITKD where it is the method itself."""
    for word, left_out in (("teacher=plain", True), ("teacher.seed=1", False)):
        made = arms(plain(word, experiment="mitkd"))
        assert set(made) == {"student", "baseline", "plain"}
        with caplog.at_level(logging.INFO):
            found = distinct(made)
        assert found == {k: v for k, v in made.items() if not (left_out and k == "plain")}
        assert ("Variant plain changes nothing here" in caplog.text) == left_out
        caplog.clear()


def test_one_student_and_one_teacher_for_all_tasks():
    made = arm()
    ((group, student),) = made.students().items()
    assert group == TASKS
    assert list(student.config["tasks"]) == list(TASKS)
    (teacher,) = made.teachers.nodes().values()
    assert student.parents["layers"].fingerprint == teacher.fingerprint
    for task in TASKS:
        store = student.parents[f"teacher_outputs/{task}"]
        assert store.parents["teacher"].fingerprint == teacher.fingerprint
        assert store.config["task"] == task
    assert teacher.config["mixing"]["_target_"].endswith("proportional")


def test_one_of_each_a_task():
    made = arm("method.joint=false")
    assert list(made.students()) == [(task,) for task in TASKS]
    assert teacher_tasks(made) == [(task,) for task in TASKS]
    for (task,), student in made.students().items():
        assert tuple(student.parents["layers"].config["tasks"]) == (task,)


def test_teachers_need_not_be_shared_as_students_are():
    assert teacher_tasks(arm("method.joint=false", "teacher.joint=true")) == [TASKS]
    made = arm("teacher.joint=false", "student.start.from=random")
    assert teacher_tasks(made) == [(task,) for task in TASKS]
    (student,) = made.students().values()
    stores = [student.parents[f"teacher_outputs/{task}"].parents["teacher"] for task in TASKS]
    assert len({store.fingerprint for store in stores}) == 3


def test_a_student_of_tasks_with_a_teacher_each_starts_from_what_they_share(folders):
    alone = next(iter(arm("teacher.joint=false").students().values()))
    assert alone.config["student"]["start"]["from"] == "random"
    assert "layers" not in {*alone.parents, *alone.runtime}
    own = ["teacher=pretrained", "teacher.joint=false", f"teacher.pretrained={folders['one']}"]
    student = next(iter(arm(*own).students().values()))
    assert student.config["student"]["start"]["from"] == "pretrained"
    assert student.runtime["layers"] == str(folders["one"])
    table = ["student/embeddings=teacher"]
    student = next(iter(arm(*own, *table, experiment="mkd_lstm").students().values()))
    assert student.parents["table"].config["start"] == "pretrained"
    assert student.parents["table"].runtime["path"] == str(folders["one"])
    made = arm("teacher.joint=false", *table, "student.embeddings.dim=0", experiment="mkd_lstm")
    lstm = next(iter(made.students().values())).config["student"]["embeddings"]
    assert (lstm["start"], lstm["dim"]) == ("random", 32)


def test_a_teacher_that_is_refined_on_each_task_starts_from_the_shared_one():
    made = arm("teacher.refine={max_epochs:2,optimizer:{lr:1e-5}}")
    assert teacher_tasks(made) == [(task,) for task in TASKS]
    refined = made.teachers.of_task("mrpc")
    shared = refined.parents["start"]
    assert tuple(shared.config["tasks"]) == TASKS
    assert (refined.config["max_epochs"], refined.config["optimizer"]["lr"]) == (2, 1e-5)
    assert shared.config["max_epochs"] == 1
    # What a student of all tasks starts from is what they have in common.
    ((_, student),) = made.students().items()
    assert student.parents["layers"].fingerprint == shared.fingerprint
    assert shared.fingerprint == arm().teachers.of_task("sst2").fingerprint


def test_an_ensemble_has_members_with_seeds_of_their_own():
    made = arm("teacher.ensemble=3", "teacher.seed=4")
    (node,) = made.teachers.nodes().values()
    members = [n for role, n in node.parents.items() if role.startswith("member/")]
    assert node.kind == "ensemble"
    assert [member.config["seed"] for member in members] == [4, 5, 6]
    alone = arm("teacher.seed=4").teachers.of_task("sst2")
    assert members[0].fingerprint == alone.fingerprint


def test_the_student_has_the_shape_of_its_teacher_but_for_what_it_says():
    other = ("+student.encoder.shape.intermediate_size=48", "student.start.from=random")
    (student,) = arm(*other).students().values()
    shape = student.config["student"]["encoder"]["shape"]
    assert (shape["num_hidden_layers"], shape["intermediate_size"]) == (3, 48)
    assert (shape["model_type"], shape["hidden_size"]) == ("bert", 32)
    assert student.config["student"]["encoder"]["pooling"] == "mean"


def test_a_student_is_refined_from_the_shared_one():
    refine = "method.refine={trainer:{max_steps:7},optimizer:{lr:1e-5},method:{learns_from:gold}}"
    made = arm(refine)
    students = made.students()
    assert list(students) == [(task,) for task in TASKS]
    (shared,) = {
        n.parents["start"].fingerprint: n.parents["start"] for n in students.values()
    }.values()
    assert tuple(shared.config["tasks"]) == TASKS
    assert shared.fingerprint == next(iter(arm().students().values())).fingerprint
    refined = students[("mrpc",)]
    assert (refined.config["max_steps"], refined.config["optimizer"]["lr"]) == (7, 1e-5)
    assert refined.config["loss"] is None
    assert "layers" not in refined.parents


@pytest.mark.parametrize("rates", [(), ("+method.rates=[1e-3,1e-4]",)])
def test_a_refined_student_reads_as_the_one_it_starts_from(rates):
    words = ["student/tokenizer=words", "method.refine={trainer:{max_steps:4}}", *rates]
    students = arm(*words, experiment="mkd_lstm").students()
    assert len(students) == len(TASKS)
    for (task,), refined in students.items():
        own = refined.parents["start"].parents["tokenizer"]
        assert own.kind == "student_tokenizer"
        assert {f"transfer/{each}" for each in TASKS} < set(own.parents)
        for node in (refined, *(refined.parents[f"{r}/{task}"] for r in ("tokens", "transfer"))):
            assert node.parents["tokenizer"].fingerprint == own.fingerprint


def test_the_baseline_differs_in_nothing_but_the_labels():
    ours, gold = (
        next(iter(arm(name=name).students().values())) for name in ("student", "baseline")
    )
    different = {k for k in ours.config if ours.config[k] != gold.config[k]}
    assert different == {"loss", "method", "teacher_source"}
    assert gold.parents["layers"].fingerprint == ours.parents["layers"].fingerprint


def test_the_weights_of_tasks_hold_on_gold_labels_too():
    for overrides, wanted in (((), None), (("+method.module.task_weights.mrpc=0.5",), 0.5)):
        for name in ("student", "baseline"):
            (student,) = arm(*overrides, name=name).students().values()
            assert (student.config["method"].get("task_weights") or {}).get("mrpc") == wanted


def test_a_task_may_be_left_out():
    made = arm("method.leave_out=[mrpc]")
    assert list(made.students()) == [("sst2", "stsb")]
    assert teacher_tasks(made) == [TASKS]
    with pytest.raises(UserError, match="there is no task qnli"):
        arm("method.leave_out=[qnli]")
    with pytest.raises(UserError, match="leaves no task"):
        arm(f"method.leave_out=[{','.join(TASKS)}]")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["student.start.layers=[0,1,4]"], "layer 4 is beyond the 4 layers"),
        (["student.start.layers=[0,1]"], "names 2 layers, the student has 3"),
        (
            ["student.encoder.shape.num_hidden_layers=5"],
            "5 layers cannot start from the teacher's 4",
        ),
        (["student.start.from=pretrained"], "needs teacher.pretrained=DIR"),
        (["student.start.from=above"], "student.start.from=above is not one of"),
        (["teacher.joint=false", "teacher.refine={max_epochs:1}"], "set teacher.joint=true"),
        (
            ["teacher.source=live", "loss=[hidden]", "loss.hidden.layers=[[1,5]]"],
            "beyond the 3 layers of the student or the 4 of the teacher",
        ),
        (["loss=[attention]"], "set teacher.source=live"),
        (["teacher.source=live", "loss=[hidden]", "teacher.ensemble=2"], "set teacher.ensemble=1"),
        (
            ["teacher.source=live", "loss=[pkd]", "student.encoder.shape.num_hidden_layers=1"],
            "two layers or more",
        ),
        (["+student.encoder.shape.num_attention_heads=1"], "num_attention_heads is 1"),
        (["+student.encoder.shape.max_position_embeddings=512"], "has only 160 to start from"),
        (["mixing=weighted", "+mixing.weights.sst2=-1"], "must not be negative"),
        (["mixing=weighted", "+mixing.weights.sst=1"], "there is no such task"),
        (["mixing=temperature", "mixing.tau=-3"], "tau=-3 must not be negative"),
        (["+mixing@teacher.mixing=temperature", "teacher.mixing.tau=-3"], "tau=-3 must not"),
        (["+method.module.task_weights.mrpc=-2"], "task_weights.mrpc=-2 must be a number"),
        (["+method.module.task_weights.mrcp=2"], "did you mean mrpc?"),
        (["loss.logit_mse.weight=-1"], "loss.logit_mse.weight=-1 must be a number"),
        (["method.leave_out=mrpc"], "must be a list, [mrpc]"),
        (["teacher.leave_out=mrpc"], "must be a list, [mrpc]"),
        (["teacher.source=live", "loss=[pkd]", "student=bilstm"], "needs a Transformer as student"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_built(overrides, words):
    with pytest.raises(UserError) as refused:
        arm(*overrides).students()
    assert words in str(refused.value)


@pytest.fixture
def folders(tmp_path, bert, roberta):
    """Two folders with one tokenizer, and one with another."""
    made = {}
    for name, tokenizer in (("one", bert), ("two", bert), ("other", roberta)):
        made[name] = tmp_path / name
        tokenizer.save_pretrained(made[name])
        shape = {"model_type": "bert", "num_hidden_layers": 4, "hidden_size": 8}
        (made[name] / "config.json").write_text(json.dumps(shape))
        (made[name] / "model.safetensors").write_bytes(name.encode())
    return made


def test_each_task_may_bring_its_teacher(folders):
    own = (
        f"teacher.pretrained={{sst2:{folders['one']},mrpc:{folders['two']},stsb:{folders['one']}}}"
    )
    made = arm("teacher=pretrained", "teacher.joint=false", "student.start.from=random", own)
    names = {task: made.teachers.of_task(task).config["pretrained"] for task in TASKS}
    assert names["sst2"] == names["stsb"] != names["mrpc"]
    shutil.copy(folders["other"] / "tokenizer.json", folders["two"])
    with pytest.raises(UserError, match="different tokenizers"):
        arm("teacher=pretrained", "teacher.joint=false", "student.start.from=random", own)
    with pytest.raises(UserError, match="no teacher for task mrpc"):
        arm("teacher=pretrained", "teacher.joint=false", own.replace("mrpc", "mnli"))
    with pytest.raises(UserError, match=r"set teacher\.joint=false"):
        arm("teacher=pretrained", own)


def test_a_student_of_plain_text_that_is_refined_goes_on_from_its_task():
    """Not from the body without tasks, whose fine-tuning would be lost."""
    made = arm("+method.refine={trainer:{max_epochs:2}}", "task=[mrpc]", experiment="mitkd")
    student = made.students()[("mrpc",)]
    assert student.config["max_epochs"] == 2
    assert "body" not in student.parents
    first = student.parents["start"]
    assert first.kind == "student"
    assert first.parents["body"].kind == "agnostic"


@pytest.mark.parametrize("key", ["method.text", "teacher.pretrain", "data", "teacher"])
def test_every_rank_has_an_equal_part_of_each_batch(key):
    words = ["trainer.devices=4", f"{key}.batch_size=6"]
    with pytest.raises(UserError, match=f"{key}.batch_size=6 must be a multiple of the 4 devices"):
        arm(*words, experiment="mitkd")
