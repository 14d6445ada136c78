"""What networks of several tasks learn holds no row that another task of the job reports."""

import json

import pytest
from commands import plain

from kdlight.data.evaluated import Evaluated
from kdlight.data.rows import read_rows
from kdlight.launch.job import Job
from kdlight.launch.plan import Plan
from kdlight.stages import joint_rows, task_rows
from kdlight.types import Example, StageSpec, UserError


def row(text, other=None):
    return Example("train-1", text, other, 1)


@pytest.mark.parametrize(
    ("kind", "found", "task"),
    [
        ("classification", row("He sat .", "She stood."), "pairs"),
        ("classification", row("she STOOD", "He sat."), "pairs"),  # in either order
        ("classification", row("He sat."), None),  # half of a pair is another row
        ("classification", row("He sat.", "She ran."), None),
        ("classification", row("good film"), "single"),
        ("classification", row("Who  ran?", "She ran."), "answers"),  # as QNLI's questions
        ("classification", row("?", "!"), None),
        ("span", row("he sat", "A paragraph."), "pairs"),  # as SQuAD's questions
        ("span", row("Who ran", "A paragraph."), "answers"),
        ("span", row("Who stood?", "good film"), None),
        ("span", row("?", "good film"), None),
    ],
)
def test_a_row_is_known_by_its_text(kind, found, task):
    evaluated = Evaluated()
    evaluated.add("pairs", "classification", [row("He sat.", "She stood."), row("?", "!")])
    evaluated.add("single", "classification", [row("Good film!")])
    evaluated.add("answers", "span", [row("Who ran?", "A long paragraph.")])
    assert evaluated.task_of(found, kind) == task


def squad(number):
    answers = [{"text": "word", "start": 2}]
    return {"text_a": f"question {number}", "text_b": f"a word {number}", "answers": answers}


def qnli(number):
    return {"text_a": f"Question {number} ?", "text_b": f"sentence {number}", "label": number % 2}


def paraphrase(number):
    return {"text_a": f"one {number}", "text_b": f"two {number}", "label": number % 2}


def swapped(number):
    return {"text_a": f"Two {number}.", "text_b": f"one {number}.", "label": float(number % 5)}


TASKS = {"squad1": squad, "qnli": qnli, "mrpc": paraphrase, "stsb": swapped}
DEV = {"squad1": (900, 910), "qnli": (20, 30), "mrpc": (800, 810), "stsb": (40, 45)}


@pytest.fixture
def job(tmp_path):
    """Makes the configuration of a job on files: 100 train rows a task, and `DEV`."""
    for name, make in TASKS.items():
        (tmp_path / name).mkdir()
        for split, numbers in (("train", (0, 100)), ("dev", DEV[name])):
            lines = (json.dumps(make(number)) for number in range(*numbers))
            (tmp_path / name / f"{split}.jsonl").write_text("\n".join(lines))
    (corpus := tmp_path / "corpus.txt").write_text("some words\n" * 200)
    source = ["data.source=files", f"data.root={tmp_path}", f"data.corpus=[{corpus}]"]
    folders = [f"++task.{name}.folder={name}" for name in TASKS]
    few = ["data.max_rows=null", "data.selection_rows=10", "data.eval_rows=null"]
    few += ["data.low_resource.tasks=[]", "teacher.leave_out=[]", f"outputs={tmp_path}/out"]

    def make(*words, experiment="mitkd", tasks=TASKS):
        named = [f"task=[{','.join(tasks)}]", *(f for f in folders if f.split(".")[1] in tasks)]
        return plain(*source, *named, *few, *words, experiment=experiment)

    return make


def built(plan, task, folder):
    """The folder of a task's rows for a network of all tasks."""
    node = plan.rows_for(tuple(plan.tasks), task)
    inputs = {}
    for role, parent in node.parents.items():
        inputs[role] = folder / role.replace("/", "_")
        inputs[role].mkdir(parents=True)
        about = {**parent.runtime, "title": parent.title}
        task_rows.run(StageSpec(parent.kind, parent.config, {}, str(inputs[role]), about))
    (out := folder / "out").mkdir()
    roles = {role: str(place) for role, place in inputs.items()}
    joint_rows.run(StageSpec(node.kind, node.config, roles, str(out), {"title": node.title}))
    return out, inputs["rows"]


def texts(path):
    return {found.text_a for found in read_rows(path)}


def test_what_another_task_reports_is_left_out_counted_and_told(job, tmp_path, caplog):
    plan = Plan(job())
    out, whole = built(plan, "squad1", tmp_path / "squad1")
    told = json.loads((out / "facts.json").read_text())["left_out"]
    assert sum(told[part].get("qnli", 0) for part in ("train", "selection")) == 10
    learnt = texts(out / "train.arrow") | texts(out / "selection.arrow")
    assert learnt == {f"question {n}" for n in range(100) if not 20 <= n < 30}
    count = told["train"]["qnli"]
    said = f"task squad1: {count} training rows left out, they are evaluation rows of qnli"
    assert said in caplog.text
    assert texts(out / "eval.arrow") == texts(whole / "eval.arrow")
    out, _ = built(plan, "mrpc", tmp_path / "mrpc")
    told = json.loads((out / "facts.json").read_text())["left_out"]
    assert sum(told[part].get("stsb", 0) for part in ("train", "selection")) == 5


def test_only_networks_of_several_tasks_learn_less(job, tmp_path):
    planned = Job(job(), tmp_path)
    student, teachers = planned.main.students()[("qnli",)], planned.main.teachers
    joint = teachers.nodes()[("qnli",)].parents["start"]
    for task in TASKS:
        assert joint.parents[f"tokens/{task}"].parents["rows"].kind == "joint_rows"
    assert student.parents["tokens/qnli"].parents["rows"].kind == "task_rows"
    alone = Plan(job(tasks=["qnli"]))
    assert alone.rows_for(("qnli",), "qnli").kind == "task_rows"


def test_a_student_of_several_tasks_and_its_baseline(job, tmp_path):
    words = ["teacher.joint=false", "teacher.source=live"]
    config = job(*words, experiment="mkd_transformer3", tasks=["mrpc", "stsb"])
    arms = Job(config, tmp_path).arms
    assert set(arms) == {"student", "baseline"}
    for arm in arms.values():
        ((_, student),) = arm.students().items()
        for role in ("tokens/stsb", "transfer/stsb"):
            rows = student.parents[role].parents["rows"]
            rows = rows.parents["rows"] if rows.kind == "transfer_set" else rows
            assert rows.kind == "joint_rows"
    teacher = arms["student"].teachers.nodes()[("stsb",)]
    assert teacher.parents["tokens/stsb"].parents["rows"].kind == "task_rows"


def test_other_rows_of_another_task_are_other_rows(job, tmp_path):
    one = Plan(job()).rows_for(tuple(TASKS), "squad1").fingerprint
    (tmp_path / "qnli/dev.jsonl").write_text(json.dumps(qnli(50)))
    assert Plan(job()).rows_for(tuple(TASKS), "squad1").fingerprint != one
    plan = Plan(job("data.leave_out_evaluated=false"))
    assert plan.rows_for(tuple(TASKS), "squad1").kind == "task_rows"
    few = "data.low_resource={tasks: [stsb], rows: [4], draws: 1}"
    node = Plan(job(few)).rows_for(tuple(TASKS), "stsb_4rows_1")
    assert set(node.parents) == {"rows", "evaluated/squad1", "evaluated/qnli", "evaluated/mrpc"}


def test_embedded_tasks_share_their_words():
    plan = Plan(plain(experiment="mitkd"))
    assert plan.rows_for(tuple(plan.tasks), "mrpc").kind == "task_rows"


def test_nothing_left_to_learn_from(job, tmp_path):
    lines = (json.dumps(paraphrase(number)) for number in range(100))
    (tmp_path / "mrpc/dev.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"Task stsb: every train row .* evaluation row of another"):
        built(Plan(job()), "stsb", tmp_path / "stsb_rows")
