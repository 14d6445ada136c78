"""Mutated model folders: one sentence, nothing unpickled, none of their code run."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from kdlight.launch.pretrained import check_labels, find_pretrained
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import load_encoder, load_head
from kdlight.stages import tokenizer as tokenizer_stage
from kdlight.stages.teacher import _check_reach
from kdlight.tasks.task import Task
from kdlight.types import StageSpec, UserError

TASK = Task("sst2", "classification", labels=("negative", "positive"), folder="x")
GRADED = Task("grades", "regression", pair=True)


@pytest.fixture(scope="module")
def whole(bert, tmp_path_factory):
    """A fine-tuned classifier as Hugging Face saves it."""
    folder = tmp_path_factory.mktemp("model")
    config = BertConfig(
        vocab_size=len(bert), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, id2label=dict(enumerate(TASK.labels)),
    )  # fmt: skip
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    bert.save_pretrained(folder)
    return folder


@pytest.fixture
def model(whole, tmp_path, monkeypatch):
    """A copy to be mutated. Nothing in it may make files here, or ask anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("the user was asked"))
    return Path(shutil.copytree(whole, tmp_path / "model"))


def use(folder, out):
    """What a command does with the folder, from the plan to the first weights."""
    found = find_pretrained(str(folder))
    has_head = check_labels(found, TASK)
    spec = StageSpec("tokenizer", {}, {}, str(out), {"pretrained": str(found)})
    out.mkdir()
    tokenizer_stage.run(spec)
    encoder = load_encoder(found, "pooler")
    network = MultiTaskModel(encoder, torch.nn.Identity, {})
    _check_reach(network, json.loads((out / "special.json").read_text())["size"], 64)
    return load_head(found) if has_head else None


def config(**changes):
    return lambda folder: edit(folder / "config.json", changes)


def edit(path, changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def rewrite(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def cut(name):
    def change(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return change


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def no_classifier(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    kept = {key: value for key, value in weights.items() if "classifier" not in key}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def a_shard_is_missing(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"metadata": {}, "weight_map": {"x": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


class Bomb:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return (os.system, ("touch RAN",))


def only_a_pickle(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))


def a_pickle_and_other_weights(folder):
    only_a_pickle(folder)
    shutil.copy(folder / "config.json", folder / "adapter.safetensors")


def code_of_its_own(folder):
    (folder / "own.py").write_text("open('RAN', 'w')\nclass Config: pass\nclass Model: pass\n")
    names = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    edit(folder / "config.json", {"auto_map": names, "model_type": "own"})


MUTATED = {
    "config is cut": (cut("config.json"), "config.json cannot be read"),
    "config is empty": (rewrite("config.json", b""), "config.json cannot be read"),
    "config is a list": (rewrite("config.json", b"[]"), "no object"),
    "config is deep": (rewrite("config.json", b'{"a":' * 100_000), "config.json cannot be read"),
    "config is no text": (rewrite("config.json", b"\xff\xfe\0"), "config.json cannot be read"),
    "config says nothing": (rewrite("config.json", b"{}"), "cannot be loaded"),
    "config is missing": (without("config.json"), "no config.json"),
    "unknown architecture": (config(model_type="nosuch"), "nosuch"),
    "other width": (config(hidden_size=32), "other shapes"),
    "width is a word": (config(hidden_size="x"), "hidden_size"),
    "more layers": (config(num_hidden_layers=3), "lacks"),
    "heads do not divide": (config(num_attention_heads=3), "attention heads"),
    "fewer tokens": (config(vocab_size=7), "do not belong together"),
    "more tokens": (config(vocab_size=120), "other shapes"),
    "other padding": (config(pad_token_id=5), "pads with token 5"),
    "classes are words": (config(id2label={"a": "x", "b": "y"}), "id2label"),
    "classes are a list": (config(id2label=["x", "y"]), "id2label"),
    "weights are cut": (cut("model.safetensors"), "cannot be loaded"),
    "weights are empty": (rewrite("model.safetensors", b""), "cannot be loaded"),
    "weights are noise": (rewrite("model.safetensors", bytes(range(256))), "cannot be loaded"),
    "weights are missing": (without("model.safetensors"), "no *.safetensors"),
    "a shard is missing": (a_shard_is_missing, "cannot be loaded"),
    "no classifier": (no_classifier, "lacks the weights of its classifier"),
    "tokenizer is cut": (cut("tokenizer.json"), "tokenizer"),
    "tokenizer is empty": (rewrite("tokenizer.json", b"{}"), "tokenizer"),
    "tokenizer is missing": (without("tokenizer.json"), "holds no tokenizer"),
    "settings are cut": (cut("tokenizer_config.json"), "tokenizer"),
    "only a pickle": (only_a_pickle, "can run code"),
    "a pickle and other weights": (a_pickle_and_other_weights, "cannot be loaded"),
    "code of its own": (code_of_its_own, "custom code"),
}


def test_a_good_folder_is_used(model, tmp_path):
    assert set(use(model, tmp_path / "out")) == {"output.weight", "output.bias"}


@pytest.mark.parametrize("name", MUTATED)
def test_a_mutated_folder_is_refused_in_one_sentence(model, tmp_path, name):
    mutate, words = MUTATED[name]
    mutate(model)
    with pytest.raises(UserError) as caught:
        use(model, tmp_path / "out")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "model" in str(caught.value)
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize("vocabulary", [10, 57])
def test_a_tokenizer_of_another_model_is_refused(model, vocabulary):
    encoder = load_encoder(model, "cls")
    known = encoder.model.config.vocab_size
    network = MultiTaskModel(encoder, torch.nn.Identity, {})
    _check_reach(network, known, 64)
    _check_reach(network, vocabulary % known, 64)
    with pytest.raises(UserError, match=f"knows {known} tokens, but its tokenizer has {known + 1}"):
        _check_reach(network, known + 1, 64)
    with pytest.raises(UserError, match=r"data\.max_length=65 .* set data\.max_length=64"):
        _check_reach(network, known, 65)


@pytest.mark.parametrize(
    ("labels", "task", "kept"),
    [(["LABEL_0"], GRADED, True), (["score"], GRADED, True), (["no", "yes"], GRADED, False),
     (["a", "b", "c"], TASK, False), (["LABEL_0", "LABEL_1"], TASK, True)],
)  # fmt: skip
def test_a_head_is_taken_or_left_with_a_word(model, labels, task, kept, caplog):
    caplog.set_level("INFO", "kdlight")
    config(id2label={str(number): label for number, label in enumerate(labels)})(model)
    assert [check_labels(model, task) for _ in range(2)] == [kept, kept]
    said = [f"{', '.join(labels)}, does not fit task {task.name}" in m for m in caplog.messages]
    assert said == ([] if kept else [True])  # once
