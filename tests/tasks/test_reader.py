"""One way to all sources, and fingerprints that change with the rows and with nothing else."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kdlight.tasks.embedded import generate
from kdlight.tasks.reader import read, source_fingerprint
from kdlight.tasks.task import Task
from kdlight.types import UserError

ROOT = Path(__file__).parents[2]
FILM = Task("film", "classification", labels=("bad", "good"), folder="Film", embedded="sentiment")
ENTAILS = Task(
    "entails",
    "classification",
    pair=True,
    labels=("not_entailment", "entailment"),
    folder="E",
    embedded="inference",
    embedded_labels=(1, 0, 0),
)


def write(root, split, texts):
    folder = root / "Film"
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"text_a": text, "label": 1}) + "\n" for text in texts)
    (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def test_embedded_rows_are_the_generators():
    found = list(read(FILM, "embedded", None, "dev", 20, 3))
    assert found == list(generate.rows("sentiment", "dev", 20, 3))


def test_three_embedded_classes_become_two():
    rows = list(read(ENTAILS, "embedded", None, "train", 50))
    plain = list(generate.rows("inference", "train", 50, 0))
    assert [row.text_a for row in rows] == [row.text_a for row in plain]
    assert [row.label for row in rows] == [int(row.label == 0) for row in plain]
    assert {row.label for row in read(ENTAILS, "embedded", None, "unlabelled", 5)} == {None}


def test_embedded_rows_need_a_number():
    with pytest.raises(UserError, match="how many"):
        read(FILM, "embedded", None, "train")


def test_files_up_to_a_number(tmp_path):
    write(tmp_path, "train", ["x", "y", "z"])
    assert [row.text_a for row in read(FILM, "files", tmp_path, "train")] == ["x", "y", "z"]
    assert [row.text_a for row in read(FILM, "files", str(tmp_path), "train", 2)] == ["x", "y"]


def test_what_is_missing_is_said_before_the_first_row(tmp_path):
    with pytest.raises(UserError, match=r"data\.root=DIR"):
        read(FILM, "files", None, "train")
    with pytest.raises(UserError, match="Film not found"):
        read(FILM, "files", tmp_path, "train")
    with pytest.raises(UserError, match="embedded, files, hub"):
        read(FILM, "disk", tmp_path, "train")
    with pytest.raises(UserError, match="no set on the hub"):
        read(FILM, "hub", None, "train")


def test_a_files_fingerprint_is_of_bytes_and_meaning(tmp_path):
    for root, texts in (("a", "xy"), ("b", "xy"), ("c", "xz")):
        write(tmp_path / root, "train", texts)
        write(tmp_path / root, "dev", "d")
    prints = {
        root: source_fingerprint(FILM, "files", tmp_path / root, ["train", "dev"]) for root in "abc"
    }
    assert prints["a"] == prints["b"] != prints["c"]
    swapped = replace(FILM, labels=("good", "bad"))
    moved = replace(FILM, hub={"path": "a/b", "columns": {"x": "y"}, "splits": {"train": "t"}})
    args = ("files", tmp_path / "a", ["train", "dev"])
    assert source_fingerprint(swapped, *args) != prints["a"]
    assert source_fingerprint(moved, *args) == prints["a"]
    assert source_fingerprint(FILM, "files", tmp_path / "a", ["train"]) != prints["a"]


def test_the_held_back_dev_file_counts_where_train_holds_it(tmp_path):
    task = replace(FILM, with_dev=("train",))
    write(tmp_path, "train", ["x", "y", "z"])
    write(tmp_path, "dev", ["x"])
    assert [row.id for row in read(task, "files", tmp_path, "train")] == ["train-1", "train-2"]
    before = source_fingerprint(task, "files", tmp_path, ["train"])
    write(tmp_path, "dev", ["y"])
    assert source_fingerprint(task, "files", tmp_path, ["train"]) != before


def test_an_embedded_fingerprint_is_of_version_kind_and_seed(monkeypatch):
    def prints(task=FILM, seed=0):
        return source_fingerprint(task, "embedded", None, ["train"], seed=seed)

    assert prints() == prints(replace(FILM, folder="Elsewhere", columns={"text_a": "x"}))
    assert len({prints(), prints(seed=1), prints(ENTAILS)}) == 3
    before = prints()
    monkeypatch.setattr(generate, "VERSION", generate.VERSION + 1)
    assert prints() != before


def test_readers_import_nothing_heavy():
    program = (
        "import sys, kdlight.tasks.reader; "
        "print({'torch', 'datasets', 'pyarrow', 'numpy', 'omegaconf'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
