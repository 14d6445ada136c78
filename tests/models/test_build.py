"""Networks that are saved and loaded say the same again; sizes are those of the paper."""

import pytest
import torch
from omegaconf import OmegaConf

from kdlight.launch.help import config_folder
from kdlight.measure.parameters import parameters
from kdlight.models.build import (
    build_student,
    build_teacher,
    load_student,
    load_teacher,
    save_student,
    save_teacher,
    word_embeddings,
)

OUTPUTS = {"demo": (3, False), "graded": (1, False)}


@pytest.fixture
def teacher_config():
    config = OmegaConf.to_container(OmegaConf.load(config_folder() / "teacher/scratch.yaml"))
    small = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2}
    config["shape"] |= small | {"intermediate_size": 12}
    return config


def student_config(table="random", **widths):
    config = OmegaConf.load(config_folder() / "student/bilstm.yaml")
    start = OmegaConf.load(config_folder() / f"student/embeddings/{table}.yaml")
    config = OmegaConf.to_container(config) | {"embeddings": OmegaConf.to_container(start)}
    for part, width in widths.items():
        config[part]["dim" if part == "embeddings" else "hidden"] = width
    return config


# (input, LSTM hidden, fully connected), (classes, pair), parameters without embedding tables
# (Tang et al. 2019, 0.96 M; the sizes of their official configuration files).
PUBLISHED = [
    ((600, 150, 200), (2, False), 963_002),
    ((300, 150, 200), (2, False), 603_002),
    ((600, 300, 400), (2, False), 2_406_002),
    ((300, 300, 400), (2, False), 1_686_002),
    ((600, 150, 200), (3, True), 1_143_203),
    ((600, 300, 200), (2, True), 2_645_402),
]


@pytest.mark.parametrize(("sizes", "output", "expected"), PUBLISHED)
def test_students_have_the_parameters_of_the_paper(sizes, output, expected):
    width, hidden, connected = sizes
    config = student_config("vectors", encoder=hidden, head=connected)
    config["embeddings"]["mode"] = "multichannel" if width == 600 else "non-static"
    model = build_student(config, {"t": output}, 50, 0, torch.randn(50, 300))
    found = parameters(model)
    assert found["params_without_embeddings"] == expected
    assert found["params"] == expected + 50 * width
    assert found["size_bytes"] == 4 * found["params"]


def test_a_saved_teacher_says_the_same_again(teacher_config, tmp_path, make_batch):
    torch.manual_seed(0)
    model = build_teacher(teacher_config, OUTPUTS, vocabulary=40, pad=0, folder=None).eval()
    save_teacher(model, tmp_path, teacher_config, OUTPUTS)
    loaded = load_teacher(tmp_path)
    assert not loaded.training
    assert loaded.encoder.pooling == teacher_config["pooling"]
    for task in OUTPUTS:
        batch = make_batch([3, 7, 1], task=task)
        assert torch.equal(loaded(batch).logits, model(batch).logits)


def test_a_teacher_starts_from_a_folder_with_fresh_heads(teacher_config, tmp_path, make_batch):
    torch.manual_seed(0)
    model = build_teacher(teacher_config, OUTPUTS, vocabulary=40, pad=0, folder=None)
    save_teacher(model, tmp_path, teacher_config, OUTPUTS)
    fresh = {**teacher_config, "keep_head": False}
    again = build_teacher(fresh, OUTPUTS, 40, 0, tmp_path / "encoder").eval()
    batch = make_batch([3, 7])
    model.eval()
    torch.testing.assert_close(again.encoder(batch), model.encoder(batch))
    assert not torch.equal(again(batch).logits, model(batch).logits)


def test_a_fine_tuned_classifier_is_taken_over_whole(teacher_config, tmp_path, make_batch):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    shape = {key: value for key, value in teacher_config["shape"].items() if key != "model_type"}
    config = BertConfig(vocab_size=40, num_labels=3, initializer_range=0.4, **shape)
    theirs = BertForSequenceClassification(config).eval()
    theirs.save_pretrained(tmp_path)
    whole = {**teacher_config, "pooling": "pooler", "keep_head": True}
    ours = build_teacher(whole, {"demo": (3, False)}, 40, 0, tmp_path).eval()
    batch = make_batch([6, 2, 9])
    text = batch.joint
    expected = theirs(text.input_ids, text.mask.long(), text.token_type_ids).logits
    torch.testing.assert_close(ours(batch).logits, expected)


@pytest.mark.parametrize("mode", ["static", "non-static", "multichannel"])
@pytest.mark.parametrize("embeddings", ["random", "teacher", "vectors"])
def test_a_saved_student_says_the_same_again(embeddings, mode, tmp_path, make_batch):
    torch.manual_seed(0)
    config = student_config(embeddings, encoder=6, head=5)
    config["embeddings"]["mode"] = mode
    model = build_student(config, OUTPUTS, 40, 0, torch.randn(40, 10)).eval()
    width = (300 if embeddings == "random" else 10) * (2 if mode == "multichannel" else 1)
    assert model.encoder.embeddings.embedding_dim == width
    model.encoder.embeddings.tables[0].weight.data *= 1.5
    save_student(model, tmp_path, config, OUTPUTS)
    loaded = load_student(tmp_path)
    assert not loaded.training
    batch = make_batch([3, 7, 1])
    assert torch.equal(loaded(batch).logits, model(batch).logits)


def test_lost_student_weights_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    config = student_config(embeddings=4, encoder=3, head=3)
    save_student(build_student(config, OUTPUTS, 40, 0), tmp_path, config, OUTPUTS)
    weights = load_file(tmp_path / "weights.safetensors")
    del weights["heads.demo.output.bias"]
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(RuntimeError, match=r"heads\.demo\.output\.bias"):
        load_student(tmp_path)


def test_word_embeddings_start_a_student_that_asks_for_them(teacher_config, tmp_path):
    model = build_teacher(teacher_config, OUTPUTS, vocabulary=40, pad=0, folder=None)
    save_teacher(model, tmp_path, teacher_config, OUTPUTS)
    table = word_embeddings(load_teacher(tmp_path).encoder)
    layer = model.encoder.model.embeddings
    bare = layer.word_embeddings.weight + layer.token_type_embeddings.weight[0]
    centred = bare - bare.mean(dim=1, keepdim=True)
    spread = (centred.square().mean(dim=1, keepdim=True) + layer.LayerNorm.eps).sqrt()
    torch.testing.assert_close(table, centred / spread)  # a fresh LayerNorm has weight 1, bias 0
    started = build_student(student_config("teacher"), OUTPUTS, 40, 0, table)
    assert torch.equal(started.encoder.embeddings.tables[0].weight[1:], table[1:])
    fresh = build_student(student_config(embeddings=8), OUTPUTS, 40, 0, table)
    assert not torch.equal(fresh.encoder.embeddings.tables[0].weight[1:], table[1:])
