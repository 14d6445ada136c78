"""The table a student starts from: the teacher's rows, the mean of their pieces, or a file's."""

import json
import logging

import numpy as np
import pytest
import torch

from kdlight.data.words import word_tokenizer
from kdlight.models.build import build_teacher, load_teacher, save_teacher, word_embeddings
from kdlight.stages import embeddings
from kdlight.types import StageSpec, UserError

SHAPE = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2}
CONFIG = {
    "shape": SHAPE | {"intermediate_size": 12},
    "pooling": "mean",
    "embedding_std": 0.5,
    "head": {"_target_": "kdlight.models.heads.LinearHead", "_partial_": True},
}


@pytest.fixture
def pieces(tmp_path, request):
    """`pieces(name)`: the folder of a teacher's tokenizer."""

    def make(name):
        tokenizer = request.getfixturevalue(name)
        folder = tmp_path / name
        tokenizer.save_pretrained(folder)
        special = {"pad": tokenizer.pad_token_id, "mask": tokenizer.mask_token}
        (folder / "special.json").write_text(json.dumps({**special, "size": len(tokenizer)}))
        return folder

    return make


@pytest.fixture
def words(tmp_path, bert):
    folder = tmp_path / "words"
    folder.mkdir()
    tokenizer = word_tokenizer(["the cat qat", "the , mat"], bert.backend_tokenizer)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad": 0, "mask": "[MASK]", "size": tokenizer.get_vocab_size()}
    (folder / "special.json").write_text(json.dumps(special))
    return folder


@pytest.fixture
def run(tmp_path):
    def make(start, runtime, **inputs):
        out = tmp_path / "out"
        out.mkdir()
        inputs = {role: str(folder) for role, folder in inputs.items()}
        embeddings.run(
            StageSpec(
                "embeddings", {"start": start}, inputs, str(out), {"title": "table"} | runtime
            )
        )
        table = np.load(out / "table.npy")
        assert table.dtype == np.float32
        return table

    return make


@pytest.fixture
def teacher(tmp_path):
    def make(size):
        torch.manual_seed(0)
        model = build_teacher(CONFIG, {"t": (2, False)}, size + 3, 0, None)
        save_teacher(model, tmp_path / "teacher", CONFIG, {"t": (2, False)})
        return tmp_path / "teacher"

    return make


def test_the_teachers_own_tokens_take_its_rows(pieces, teacher, run, bert):
    folder, network = pieces("bert"), teacher(len(bert))
    table = run("teacher", {}, tokenizer=folder, teacher_tokenizer=folder, teacher=network)
    np.testing.assert_array_equal(
        table, word_embeddings(load_teacher(network).encoder)[: len(bert)].numpy()
    )


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_a_word_takes_the_mean_of_its_pieces(name, pieces, words, teacher, run, request):
    from tokenizers import Tokenizer

    tokenizer = request.getfixturevalue(name)
    folder, network = pieces(name), teacher(len(tokenizer))
    table = run("teacher", {}, tokenizer=words, teacher_tokenizer=folder, teacher=network)
    rows = word_embeddings(load_teacher(network).encoder).numpy()
    own = Tokenizer.from_file(str(words / "tokenizer.json"))
    assert np.isnan(table[:2]).all()  # padding and the unknown word
    np.testing.assert_allclose(table[2], rows[tokenizer.mask_token_id], rtol=1e-6)
    for word in ("the", "cat", "qat", ","):
        ids = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        expected = rows[ids].mean(axis=0)
        np.testing.assert_allclose(table[own.token_to_id(word)], expected, rtol=1e-5)
    assert len(tokenizer(" qat", add_special_tokens=False)["input_ids"]) > 1


def test_words_take_the_files_vectors_and_the_covered_share_is_said(words, run, tmp_path, caplog):
    path = tmp_path / "v.txt"
    path.write_text("the 1 2\nmat 3 4\nother 5 6\n")
    with caplog.at_level(logging.INFO, "kdlight"):
        table = run("vectors", {"path": str(path)}, tokenizer=words)
    assert "2 of 8 tokens (25.0%) have a vector" in caplog.text
    found = table[np.isfinite(table[:, 0])].tolist()
    assert found == [[1, 2], [3, 4]]
    assert np.isnan(table).sum() == 12


def test_pieces_take_the_vectors_of_whole_words(pieces, run, tmp_path, bert):
    (tmp_path / "v.txt").write_text("cat 1 2\n##t 9 9\nq 3 4\n")
    table = run("vectors", {"path": str(tmp_path / "v.txt")}, tokenizer=pieces("bert"))
    assert len(table) == len(bert)
    assert table[bert.convert_tokens_to_ids("cat")].tolist() == [1, 2]
    assert table[bert.convert_tokens_to_ids("q")].tolist() == [3, 4]


def test_byte_pieces_are_met_as_words(pieces, run, tmp_path, roberta):
    (tmp_path / "v.txt").write_text("the 1 2\n")
    table = run("vectors", {"path": str(tmp_path / "v.txt")}, tokenizer=pieces("roberta"))
    assert table[roberta.convert_tokens_to_ids("Ġthe")].tolist() == [1, 2]


def test_a_file_without_any_of_the_words_is_refused(words, run, tmp_path):
    (tmp_path / "v.txt").write_text("der 1 2\n")
    with pytest.raises(UserError, match=r"No token of the student is in the vector file .*v\.txt"):
        run("vectors", {"path": str(tmp_path / "v.txt")}, tokenizer=words)
