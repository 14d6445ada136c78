"""`scale=paper` of MKD: its recipe, a step in its shapes, and its whole path with a tiny BERT."""

import json
from types import SimpleNamespace

import pytest
import torch
from commands import call, plain, results
from conftest import WORDS
from hydra.utils import instantiate
from torch import nn
from transformers import BertConfig, BertModel

from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms
from kdlight.launch.plan import Plan
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.methods.finetune import Finetune
from kdlight.models.build import build_student, build_teacher
from kdlight.types import LOGITS, ModelOutput

GLUE = ("sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte")
FOLDERS = dict(zip(GLUE, ("SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE"), strict=True))
VOCABULARY = 30_522
LARGE = {
    "model_type": "bert",
    "num_hidden_layers": 24,
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 512,
}


@pytest.mark.parametrize("experiment", ["mkd_transformer3", "mkd_lstm"])
def test_the_recipe(experiment):
    config = plain("scale=paper", "trainer=cpu", experiment=experiment)
    assert tuple(config["task"]) == GLUE
    teacher, student = config["teacher"], config["student"]["encoder"]
    assert teacher["pretrained"] == "google-bert/bert-large-uncased"
    assert (teacher["max_epochs"], teacher["batch_size"]) == (5, 32)
    assert teacher["optimizer"]["_target_"] == "kdlight.methods.optimizers.AdamW"
    assert teacher["optimizer"]["lr"] == 5e-5
    assert (teacher["joint"], config["method"]["joint"]) == (None, True)
    assert list(config["loss"]) == ["logit_mse"]
    assert config["data"]["max_length"] == 128
    rate, batch, shape = {
        "mkd_transformer3": (5e-5, 32, {"shape": {"num_hidden_layers": 3}}),
        "mkd_lstm": (1e-3, 64, {"hidden": 150, "integration": 150, "maxout": [300, 150]}),
    }[experiment]
    assert shape.items() <= student.items()
    assert (config["optimizer"]["lr"], config["data"]["batch_size"]) == (rate, batch)
    assert config["optimizer"]["_target_"] == "kdlight.methods.optimizers.LazyAdamW"
    for schedule in (config["schedule"], teacher["schedule"]):
        assert schedule["_target_"] == "kdlight.methods.schedules.linear"
        assert schedule["warmup"] == 0.1
    assert config["trainer"]["max_epochs"] == 10


class Fixed:
    """A teacher that always says the same."""

    provides, reads, shapes = LOGITS, frozenset({"joint"}), {}

    def __call__(self, batch, needs=LOGITS):
        del needs
        return ModelOutput(logits=torch.arange(3.0).expand(len(batch), 3))


def trained(config, network):
    """The paper's network in the module that trains it, with its optimizer and schedule."""
    outputs = {task: (3 if task == "mnli" else 1 if task == "stsb" else 2, task != "sst2")
               for task in GLUE}  # fmt: skip
    common = {"metrics": {}, "total_steps": 100, "seed": 0}
    if network == "teacher":
        about = {**config["teacher"], "shape": LARGE, "embedding_std": 0.02}
        common |= {"model": build_teacher(about, outputs, VOCABULARY, 0, None)}
        return Finetune(**common, **{k: instantiate(about[k]) for k in ("optimizer", "schedule")})
    student, table = config["student"], torch.randn(VOCABULARY, 300)
    if "embeddings" not in student:
        student["encoder"] |= {"shape": {**LARGE, "num_hidden_layers": 3}, "pooling": "cls"}
    common |= {"model": build_student(student, outputs, VOCABULARY, 0, table)}
    common |= {k: instantiate(config[k]) for k in ("optimizer", "schedule")}
    losses = WeightedSum({name: instantiate(term) for name, term in config["loss"].items()})
    return instantiate(config["method"]["module"])(**common, losses=losses, teacher=Fixed())


@pytest.mark.parametrize(
    ("experiment", "network", "size"),
    [
        ("mkd_transformer3", "teacher", 330e6),
        ("mkd_transformer3", "student", 65e6),
        ("mkd_lstm", "student", 10e6),
    ],
)
def test_a_step_in_the_full_shape(experiment, network, size, make_batch):
    """The head of the batch's task moves and no other; of a student's words those it read."""
    config = plain("scale=paper", "trainer=cpu", experiment=experiment)
    torch.manual_seed(0)
    module = trained(config, network)
    module._trainer = SimpleNamespace(world_size=1, gradient_clip_val=None)
    optimizer = module.configure_optimizers()["optimizer"]
    model = module.model
    assert sum(p.numel() for p in model.parameters()) > size
    (table,) = {
        m.weight for m in model.modules()
        if isinstance(m, nn.Embedding) and len(m.weight) == VOCABULARY
    }  # fmt: skip
    heads = {name: p for name, p in model.named_parameters() if name.startswith("heads.")}
    before, words = {k: p.detach().clone() for k, p in heads.items()}, table.detach().clone()
    batch = make_batch([16, 9], "mnli", pair=True, labels=[0.0, 2.0], vocabulary=30_000)
    total = module.training_step(batch, 0)
    total.backward()
    module.on_after_backward()
    optimizer.step()
    assert total > 0
    moved = {name for name, p in heads.items() if not torch.equal(p, before[name])}
    assert moved == {name for name in heads if ".mnli." in name}
    assert {name for name, p in heads.items() if p in optimizer.state} == moved
    if network == "student":
        read = batch.texts if "texts" in model.reads else (batch.joint,)
        ids = torch.cat([text.input_ids[text.mask] for text in read]).unique()
        assert (table != words).any(dim=1).nonzero()[:, 0].tolist() == ids.tolist()


@pytest.fixture
def folders(tmp_path, bert):
    """A saved BERT, and the seven tasks as files."""
    shape = {"num_hidden_layers": 4, "hidden_size": 16, "num_attention_heads": 2}
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=len(bert), intermediate_size=24, **shape))
    model.save_pretrained(tmp_path / "bert")
    bert.save_pretrained(tmp_path / "bert")
    for task in GLUE:
        folder = tmp_path / "data" / FOLDERS[task]
        folder.mkdir(parents=True)
        for split, count in (("train", 60), ("dev", 12)):
            rows = [
                {
                    "text_a": " ".join(WORDS[(n * 7 + i) % len(WORDS)] for i in range(3 + n % 5)),
                    "label": n % (3 if task == "mnli" else 5 if task == "stsb" else 2),
                } | ({} if task == "sst2" else {"text_b": WORDS[n % 9]})
                for n in range(count)
            ]  # fmt: skip
            (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return tmp_path


@pytest.mark.parametrize("experiment", ["mkd_transformer3", "mkd_lstm"])
def test_the_whole_path_with_a_small_saved_bert(folders, monkeypatch, experiment):
    options = [f"+experiment={experiment}", "scale=paper", "trainer=cpu", "logger=csv",
               "data.source=files", "data.root=data", "teacher.pretrained=bert",
               "teacher.max_epochs=1", "trainer.max_steps=8", "data.batch_size=8",
               "teacher.floor=warn", "baseline=false"]  # fmt: skip
    if experiment == "mkd_lstm":  # the papers' word vectors are not at hand
        options += ["student/embeddings=random", "student/tokenizer=pieces"]
    assert call(folders, monkeypatch, *options) == 0
    (found,) = results(folders)
    assert tuple(found["student"]["scores"]) == GLUE
    assert found["scale"] == "paper"
    assert found["teacher"]["name"] == "bert"
    if experiment == "mkd_transformer3":
        assert found["student"]["params"] < found["teacher"]["params"]


def test_the_plan_needs_one_teacher_and_one_student(folders, monkeypatch):
    monkeypatch.chdir(folders)
    config = plain("scale=paper", "trainer=cpu", "data.source=files", "data.root=data",
                   "teacher.pretrained=bert", experiment="mkd_transformer3")  # fmt: skip
    arm = Arm(Plan(config), "student", arms(config)["student"])
    assert list(arm.students()) == list(arm.teachers.nodes()) == [GLUE]
