"""Vectors, words and pieces in whole jobs: what is shared, what is built anew, what is refused."""

import gzip
import json
import shutil
import struct

import numpy as np
import pytest
import torch
from commands import SMOKE, call, plain, results
from safetensors.torch import load_file

from kdlight.launch import reading
from kdlight.launch.arm import Arm
from kdlight.launch.arms import arms
from kdlight.launch.plan import Plan
from kdlight.launch.teachers import Teachers
from kdlight.tasks.embedded.lexicon import vocabulary

VECTORS = "student/embeddings=vectors"
WORDS = "student/tokenizer=words"


def write_vectors(path, words=None, width=5):
    """Every second word of the embedded lexicon: `.bin` and `.vec` word2vec's, `.txt` GloVe's."""
    words = words or sorted({word.lower() for word in vocabulary()})[::2]
    vectors = np.random.default_rng(0).random((len(words), width), dtype=np.float32)
    head = "" if ".txt" in path.name else f"{len(words)} {width}\n"
    raw = head.encode()
    for word, vector in zip(words, vectors, strict=True):
        text = " ".join(map(str, vector.tolist())).encode()
        values = struct.pack(f"<{width}f", *vector) if ".bin" in path.name else text
        raw += word.encode() + b" " + values + b"\n"
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def planned(folder, *overrides):
    """(arm, student node) of a smoke run."""
    plan = Plan(plain(f"outputs={folder / 'outputs'}", *overrides))
    arm = Arm(plan, "student", arms(plan.config)["student"])
    return arm, arm.students()[("sst2",)]


def test_the_store_does_not_depend_on_what_the_student_reads(tmp_path):
    choices = ((), (WORDS,), (WORDS, "student.tokenizer.min_count=2"))
    plans = [planned(tmp_path, *choice) for choice in choices]
    names = {student.parents["teacher_outputs/sst2"].fingerprint for _, student in plans}
    assert len(names) == 1
    assert len({student.fingerprint for _, student in plans}) == 3
    assert len({student.parents["transfer/sst2"].fingerprint for _, student in plans}) == 3
    # The same text again and again, and in its own tokens where it is scored.
    for arm, student in plans:
        for read in ("transfer/sst2", "teacher_transfer/sst2"):
            text = student.parents[read].parents["rows"]
            assert text.fingerprint == arm.text("sst2").fingerprint
        scored = arm.plan.evaluate(student, ("sst2",), {}).parents["tokens/sst2"]
        assert scored.fingerprint == student.parents["tokens/sst2"].fingerprint
        assert scored.parents["tokenizer"] is student.parents["tokenizer"]


def test_the_words_are_those_of_the_students_own_text(tmp_path):
    _, student = planned(tmp_path, WORDS)
    text = student.parents["tokenizer"].parents
    assert set(text) == {"tokenizer", "transfer/sst2"}
    changed = planned(tmp_path, WORDS, "augmentation.n_iter=0")[1].parents["tokenizer"]
    assert changed.fingerprint != student.parents["tokenizer"].fingerprint


def test_the_content_of_a_vector_file_counts_and_its_place_does_not(tmp_path):
    write_vectors(tmp_path / "v.bin")
    shutil.copy(tmp_path / "v.bin", tmp_path / "w.bin")

    def name(file):
        return planned(tmp_path, VECTORS, f"student.embeddings.path={tmp_path / file}")[1]

    first, copied = name("v.bin"), name("w.bin")
    assert first.fingerprint == copied.fingerprint
    assert "v.bin" not in json.dumps([first.config, dict(first.parents["table"].config)])
    write_vectors(tmp_path / "v.bin", ["cat"])
    assert name("v.bin").fingerprint != first.fingerprint
    seeds = planned(tmp_path, VECTORS, f"student.embeddings.path={tmp_path / 'w.bin'}", "seed=7")[1]
    assert seeds.parents["table"].fingerprint == first.parents["table"].fingerprint


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    write_vectors(tmp_path / "v.bin")
    node, notes = {"start": "vectors", "path": str(tmp_path / "v.bin")}, tmp_path / "n/notes.json"
    first = reading.vector_file(node, notes)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "file_hash", None)
        assert reading.vector_file(node, notes) == first
    write_vectors(tmp_path / "v.bin", ["a", "b"])
    assert reading.vector_file(node, notes) != first
    notes.write_text("{")
    assert reading.vector_file(node, notes)[0] == tmp_path / "v.bin"
    assert reading.vector_file({"start": "random"}, notes) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([], "student/embeddings=vectors needs student.embeddings.path=FILE"),
        (["student.embeddings.path=nowhere.bin"], "student.embeddings.path=nowhere.bin is no file"),
    ],
)
def test_a_missing_file_is_said_before_anything_is_built(command, capfd, tmp_path, path, expected):
    assert command(*SMOKE, VECTORS, *path) == 2
    said = capfd.readouterr().err
    assert expected in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("outputs/artifacts/*"))


def test_a_job_without_a_student_asks_for_no_vectors(smoke, monkeypatch):
    assert call(smoke, monkeypatch, *SMOKE, VECTORS, "job=teacher_outputs") == 0


def student_of(folder):
    """The weights of the last run's student, and its start table."""
    run = sorted(folder.glob("outputs/runs/*/*"))[-1]
    (link,) = run.glob("artifacts/*student_sst2_student")
    parents = json.loads((link / "manifest.json").read_text())["parents"]
    table = folder / "outputs/artifacts/embeddings" / parents["table"] / "table.npy"
    return load_file(link / "weights.safetensors"), torch.from_numpy(np.load(table))


def test_every_format_starts_the_same_student(smoke, monkeypatch):
    tables = []
    for name in ("w.bin", "w.vec.gz", "w.txt"):
        write_vectors(smoke / name)
        path = f"student.embeddings.path={name}"
        assert call(smoke, monkeypatch, *SMOKE, VECTORS, path, "job=student", "baseline=false") == 0
        weights, start = student_of(smoke)
        assert weights["encoder.embeddings.tables.0.weight"].shape == start.shape
        tables.append(start)
    assert 0.1 < tables[0].isnan().double().mean() < 0.9
    for table in tables[1:]:
        torch.testing.assert_close(table, tables[0], equal_nan=True, rtol=0, atol=0)


def test_a_student_of_words_with_two_channels_of_vectors(smoke, monkeypatch):
    write_vectors(smoke / "v.bin")
    options = [VECTORS, WORDS, "student.embeddings.path=v.bin", "optimizer=adadelta"]
    options += ["student.embeddings.mode=multichannel", "baseline=false"]
    assert call(smoke, monkeypatch, *SMOKE, *options) == 0
    found = results(smoke)[-1]
    assert {"teacher sst2", "teacher_outputs sst2"} <= set(found["reused"])
    weights, start = student_of(smoke)
    trained, frozen = (weights[f"encoder.embeddings.tables.{n}.weight"] for n in (0, 1))
    known = ~start[:, 0].isnan()
    assert 0 < known.sum() < len(start) - 3
    assert torch.equal(frozen[known], start[known])
    assert not torch.equal(trained[known], start[known])
    assert frozen[~known].abs().max() <= 0.25
    assert weights["encoder.lstm.forward_lstm.weight_ih_l0"].shape[1] == 10
    sizes = found["student"]
    assert sizes["params"] == sizes["params_without_embeddings"] + 10 * len(start)
    # Another seed does not read the file again.
    monkeypatch.setattr("kdlight.data.vectors._open", None)
    assert call(smoke, monkeypatch, *SMOKE, *options, "seed=3") == 0
    assert "embeddings sst2 (vectors)" in results(smoke)[-1]["reused"]


def test_a_live_teacher_beside_a_student_of_words_trains_the_same_student(smoke, monkeypatch):
    options = [WORDS, "student/embeddings=teacher", "baseline=false"]
    students = []
    for source in ("stored", "live"):
        assert call(smoke, monkeypatch, *SMOKE, *options, f"teacher.source={source}") == 0
        assert "student sst2 (student)" not in results(smoke)[-1]["reused"]
        students.append(student_of(smoke)[0])
    for name, weight in students[0].items():
        torch.testing.assert_close(students[1][name], weight, rtol=1e-4, atol=1e-5)


def test_a_store_of_another_text_is_refused(smoke, monkeypatch, tmp_path, capfd):
    """A manifest that names other rows than the student's tokens."""
    folder = tmp_path / "outputs"
    shutil.copytree(smoke / "outputs/artifacts", folder / "artifacts")
    real, outputs = Plan.tokens, Teachers.outputs

    def tokens(plan, rows, tokenizer):
        node = real(plan, rows, tokenizer)
        return real(plan, plan.rows("sst2"), tokenizer) if node.label.startswith("transf") else node

    def right(teachers, task, text):
        with monkeypatch.context() as patch:
            patch.setattr(Plan, "tokens", real)
            return outputs(teachers, task, text)

    monkeypatch.setattr(Plan, "tokens", tokens)
    monkeypatch.setattr(Teachers, "outputs", right)
    assert call(tmp_path, monkeypatch, *SMOKE, "baseline=false", "seed=5") == 2
    assert "made from tokens" in capfd.readouterr().err
