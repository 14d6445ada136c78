"""`scale=paper` of MITKD: its recipe, and a step in its shapes with random weights."""

import json
from types import SimpleNamespace

import pytest
import torch
from commands import plain
from hydra.utils import instantiate

from kdlight.launch.graph import in_order
from kdlight.launch.job import Job
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.agnostic import Agnostic
from kdlight.models.build import build_student
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import random_encoder
from kdlight.teachers.online import OnlineTeacher
from kdlight.types import Shape

BASE = {
    "model_type": "bert",
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
}


@pytest.mark.parametrize("experiment", ["mitkd", "mitkd_zh"])
def test_the_recipe(experiment):
    config = plain("scale=paper", "trainer=cpu", experiment=experiment)
    text, teacher = config["method"]["text"], config["teacher"]
    assert text["optimizer"]["lr"] == 6e-4
    assert text["optimizer"]["betas"] == [0.9, 0.98]
    # Published are 256 to 512 blocks of 128; longer ones cover every position of the tasks.
    assert config["data"]["block_length"] == config["data"]["max_length"] == 384
    assert 256 * 128 <= text["batch_size"] * config["data"]["block_length"] <= 512 * 128
    assert text["schedule"]["warmup"] * text["max_steps"] == 4000
    assert (text["precision"], teacher["store_precision"]) == ("auto", "auto")
    assert (teacher["joint"], config["method"]["infuse"]) == (None, True)
    assert teacher["pretrained"]
    assert set(teacher["leave_out"]) < set(config["task"])
    assert set(config["data"]["low_resource"]["tasks"]) <= set(teacher["leave_out"])
    assert config["variants"] == {"plain": {"teacher": {"joint": False}}}
    assert len(config["method"]["rates"]) > 1  # the same search for all arms


@pytest.mark.parametrize("experiment", ["mitkd", "mitkd_zh", "mkd_transformer3", "mkd_lstm"])
def test_every_task_is_on_the_hub(experiment):
    """What this scale reads where no files are named."""
    config = plain("scale=paper", "trainer=cpu", experiment=experiment)
    assert config["data"]["source"] == "hub"
    tasks = config["task"]
    assert [name for name, task in tasks.items() if not task.get("hub")] == []
    few = config["data"]["low_resource"]["tasks"]
    assert set(few) <= set(tasks)
    kinds = {task["kind"] for task in tasks.values()}
    assert ("span" in kinds) == experiment.startswith("mitkd")


@pytest.mark.parametrize("experiment", ["mitkd", "mitkd_zh"])
def test_all_of_it_is_planned(experiment, tmp_path, monkeypatch, bert):
    """With stand-ins for what is on the hub."""
    (base := tmp_path / "base").mkdir()
    bert.save_pretrained(base)
    (base / "config.json").write_text(json.dumps({**BASE, "vocab_size": len(bert)}))
    (base / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr("kdlight.launch.pretrained._from_hub", lambda *_: base)
    for module in ("tasks.hub", "launch.reading"):
        monkeypatch.setattr(f"kdlight.{module}.set_commit", lambda *_: "c0ffee")
    words = ("scale=paper", "trainer=cpu", f"outputs={tmp_path}/out")
    job = Job(plain(*words, experiment=experiment), tmp_path)
    nodes = list(in_order(job.plan_all()))
    bodies = [node for node in nodes if node.kind == "agnostic"]
    assert sorted(body.label for body in bodies) == ["(plain)", "(student)"]
    assert {body.config["length"] for body in bodies} == {384}
    (infused,) = [body.parents["teacher"] for body in bodies if "teacher" in body.parents]
    assert set(infused.config["tasks"]) == set(job.main.task_groups()["in_domain"])
    chosen = [node for node in nodes if node.kind == "best"]
    assert len(chosen) == 3 * sum(map(len, job.main.task_groups().values()))
    assert {len([r for r in node.parents if r.startswith("candidate/")]) for node in chosen} == {3}


@pytest.mark.parametrize(
    ("student", "heads"),
    [("tiny_4x312", 24), ("mini_6x384", 48), ("medium_6x768", 48), ("pico_3x128", 16)],
)
def test_heads_that_divide_both_widths(student, heads):
    """Beside BERT-base, 768 wide."""
    config = plain(f"student={student}", experiment="mitkd")
    shape = config["student"]["encoder"]["shape"]
    loss = instantiate(config["loss"]["relation"])
    depth, width = shape["num_hidden_layers"], shape["hidden_size"]
    loss.bind(Shape(depth, width, shape["num_attention_heads"]), Shape(12, 768, 12))
    assert loss.heads == heads
    assert (loss.teacher_layer, loss.student_layer) == (12, depth)


@pytest.mark.parametrize(
    ("student", "vocabulary", "heads"),
    [
        ("tiny_4x312", 30_522, 24),
        ("tiny_4x312", 21_128, 24),
        ("mini_6x384", 30_522, 48),
        ("medium_6x768", 30_522, 48),
        ("pico_3x128", 30_522, 16),
    ],
)
def test_a_step_in_the_full_shapes(student, vocabulary, heads, make_batch):
    """The student learns BERT-base's last layer; what no relation reads is not moved."""
    config = plain("scale=paper", "trainer=cpu", f"student={student}", experiment="mitkd")
    text = config["method"]["text"]
    torch.manual_seed(0)
    shape = {**BASE, **config["student"]["encoder"]["shape"]}
    config["student"]["encoder"] |= {"shape": shape}
    student = build_student(config["student"], {}, vocabulary, 0)
    teacher = MultiTaskModel(random_encoder(BASE, vocabulary, 0, "mean", 0.02), None, {}).eval()
    module = Agnostic(
        masking=None,
        losses=WeightedSum({name: instantiate(term) for name, term in config["loss"].items()}),
        teacher=OnlineTeacher({"text": teacher}),
        model=student,
        metrics={},
        optimizer=instantiate(text["optimizer"]),
        schedule=instantiate(text["schedule"]),
        total_steps=text["max_steps"],
        seed=0,
    )
    module._trainer = SimpleNamespace(world_size=1, gradient_clip_val=None)
    assert module.losses.terms["relation"].heads == heads
    optimizer = module.configure_optimizers()["optimizer"]
    lengths = [config["data"]["block_length"]] * 2
    batch = make_batch(lengths, task="text", labels=[0.0, 0.0], vocabulary=vocabulary)
    before = {name: value.clone() for name, value in student.encoder.model.named_parameters()}
    total, _ = module.loss(batch)
    total.backward()
    optimizer.step()
    assert torch.isfinite(total)
    assert total > 0
    moved = {
        n for n, p in student.encoder.model.named_parameters() if not torch.equal(p, before[n])
    }
    last = f"encoder.layer.{shape['num_hidden_layers'] - 1}"
    assert {"embeddings.word_embeddings.weight", f"{last}.attention.self.value.weight"} <= moved
    # Behind the last layer's relations nothing is learnt.
    assert not {name for name in moved if name.startswith((f"{last}.output", "pooler"))}
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_each_number_of_rows_is_a_group(tmp_path):
    """At another number the same method may be worth something else."""
    few = "data.low_resource={tasks: [cola], rows: [4, 8], draws: 2}"
    job = Job(plain(few, f"outputs={tmp_path}", experiment="mitkd"), tmp_path)
    assert job.main.task_groups() == {
        "in_domain": ["sst2", "mrpc"],
        "out_of_domain": ["cola"],
        "low_resource_4": ["cola_4rows_1", "cola_4rows_2"],
        "low_resource_8": ["cola_8rows_1", "cola_8rows_2"],
    }
