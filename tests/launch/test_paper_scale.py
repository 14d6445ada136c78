"""`scale=paper` of MKD: its recipe, a step in its shapes, and its whole path with a tiny BERT."""

import json
from functools import partial

import pytest
import torch
from commands import call, plain, results
from conftest import WORDS
from transformers import BertConfig, BertModel

from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms
from kdlight.launch.plan import Plan
from kdlight.losses.hard import Hard
from kdlight.losses.logits import LogitMSE
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.models.build import build_student, build_teacher
from kdlight.types import ModelOutput

GLUE = ("sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte")
FOLDERS = dict(zip(GLUE, ("SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE"), strict=True))
LARGE = {
    "model_type": "bert",
    "num_hidden_layers": 24,
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 512,
}


def test_the_recipe():
    config = plain("scale=paper", "trainer=cpu", experiment="mkd_transformer3")
    assert tuple(config["task"]) == GLUE
    teacher = config["teacher"]
    assert teacher["pretrained"] == "google-bert/bert-large-uncased"
    assert (teacher["max_epochs"], teacher["batch_size"], teacher["optimizer"]["lr"]) == (
        5,
        32,
        5e-5,
    )
    assert (teacher["joint"], config["method"]["joint"]) == (None, True)
    assert config["student"]["encoder"]["shape"] == {"num_hidden_layers": 3}
    assert list(config["loss"]) == ["logit_mse"]
    assert config["data"]["max_length"] == 128


def one_step(model, batch, loss):
    """The loss, and the parameters that got no gradient."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    head = model.heads["mnli"].output.weight
    before = head.detach().clone()
    total = loss(model(batch))
    total.backward()
    optimizer.step()
    assert not torch.equal(head, before)
    return total.item(), {name for name, p in model.named_parameters() if p.grad is None}


@pytest.mark.parametrize("network", ["teacher", "student"])
def test_a_step_in_the_full_shape(network, make_batch):
    config = plain("scale=paper", "trainer=cpu", experiment="mkd_transformer3")
    outputs = {task: (3 if task == "mnli" else 1 if task == "stsb" else 2, task != "sst2")
               for task in GLUE}  # fmt: skip
    torch.manual_seed(0)
    batch = make_batch([16, 9], task="mnli", labels=[0.0, 2.0], vocabulary=30_000)
    if network == "teacher":
        about = {**config["teacher"], "shape": LARGE, "embedding_std": 0.02}
        model = build_teacher(about, outputs, 30_522, 0, None)
        loss = partial(WeightedSum({"hard": Hard()}), teacher=None, batch=batch)
    else:
        student = config["student"]
        student["encoder"] |= {"shape": {**LARGE, "num_hidden_layers": 3}, "pooling": "cls"}
        model = build_student(student, outputs, 30_522, 0)
        target = ModelOutput(logits=torch.randn(2, 3))
        loss = partial(WeightedSum({"mse": LogitMSE()}), teacher=target, batch=batch)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters > (330e6 if network == "teacher" else 65e6)
    total, idle = one_step(model.train(), batch, lambda output: loss(output)[0])
    assert total > 0
    heads = {name for name, _ in model.named_parameters() if name.startswith("heads.")}
    assert idle == {name for name in heads if ".mnli." not in name}


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
