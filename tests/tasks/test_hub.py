"""Sets of the hub, by way of a folder of parquet files; and no hub at all."""

import os
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from kdlight.tasks.hub import hub_fingerprint, read_hub
from kdlight.tasks.task import Task
from kdlight.types import UserError

LABELS = ("no", "yes")
COLUMNS = {"text_a": "first", "text_b": "second", "label": "label"}
SPLITS = {"train": "train", "dev": "validation", "test": "test"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def write(folder, split, labels, feature, first="a"):
    """A parquet file of a split, with a row for every label."""
    columns = {
        "first": [f" {first}{n}" for n in range(len(labels))],
        "second": [f"b{n}" for n in range(len(labels))],
        "label": labels,
    }
    text = datasets.Value("string")
    features = datasets.Features({"first": text, "second": text, "label": feature})
    folder.mkdir(exist_ok=True)
    rows = datasets.Dataset.from_dict(columns, features=features)
    rows.to_parquet(folder / f"{split}-00000-of-00001.parquet")


def pair(folder, **changes):
    hub = {"path": str(folder), "name": None, "columns": COLUMNS, "splits": SPLITS}
    settings = {"labels": LABELS, "metrics": ("accuracy",), **changes}
    kind = settings.pop("kind", "classification")
    hub.update(settings.pop("hub", {}))
    return Task("pair", kind, pair=True, folder="P", hub=hub, **settings)


def refusal(task, split="train"):
    with pytest.raises(UserError) as caught:
        list(read_hub(task, split))
    return str(caught.value)


def test_rows_of_a_set(tmp_path):
    folder = tmp_path / "set"
    write(folder, "train", [1, 0, 1], datasets.ClassLabel(names=list(LABELS)))
    write(folder, "test", [-1, -1], datasets.ClassLabel(names=list(LABELS)))
    rows = list(read_hub(pair(folder), "train"))
    assert [(row.id, row.text_a, row.text_b, row.label) for row in rows] == [
        ("train-0", "a0", "b0", 1),
        ("train-1", "a1", "b1", 0),
        ("train-2", "a2", "b2", 1),
    ]
    assert [row.label for row in read_hub(pair(folder), "test")] == [None, None]


def test_classes_are_found_by_name(tmp_path):
    write(tmp_path / "set", "train", [0, 1, 1], datasets.ClassLabel(names=["yes", "no"]))
    write(tmp_path / "set", "test", [-1, 0], datasets.ClassLabel(names=["yes", "no"]))
    assert [row.label for row in read_hub(pair(tmp_path / "set"), "train")] == [1, 0, 0]
    assert [row.label for row in read_hub(pair(tmp_path / "set"), "test")] == [None, 1]
    write(tmp_path / "other", "train", [0, 1], datasets.ClassLabel(names=["yes", "nope"]))
    message = refusal(pair(tmp_path / "other"))
    assert "['yes', 'nope']" in message
    assert "['no', 'yes']" in message
    aliased = pair(tmp_path / "other", aliases={"nope": "no"})
    assert [row.label for row in read_hub(aliased, "train")] == [1, 0]


def test_labels_that_are_names(tmp_path):
    write(tmp_path / "set", "train", ["yes", "no"], datasets.Value("string"))
    assert [row.label for row in read_hub(pair(tmp_path / "set"), "train")] == [1, 0]
    write(tmp_path / "other", "train", ["yes", "maybe"], datasets.Value("string"))
    message = refusal(pair(tmp_path / "other"))
    assert "split train, row 1: label 'maybe' is not in the set; expected one of no, yes" in message


def test_a_train_row_without_a_label(tmp_path, caplog):
    write(tmp_path / "set", "train", [1, -1, 0], datasets.ClassLabel(names=list(LABELS)))
    assert "row 1: no label" in refusal(pair(tmp_path / "set"))
    rows = read_hub(pair(tmp_path / "set", skip_broken=True), "train")
    assert [row.id for row in rows] == ["train-0", "train-2"]
    assert "left out 1 broken rows" in caplog.text


def test_grades(tmp_path):
    graded = {"kind": "regression", "labels": (), "metrics": ("pearson",)}
    write(tmp_path / "set", "train", [2.5, 5.0], datasets.Value("float32"))
    write(tmp_path / "set", "test", [-1.0], datasets.Value("float32"))
    task = pair(tmp_path / "set", **graded)
    assert [row.label for row in read_hub(task, "train")] == [2.5, 5.0]
    assert [row.label for row in read_hub(task, "test")] == [None]
    write(tmp_path / "other", "train", [2.5, float("nan")], datasets.Value("float32"))
    assert "row 1: grade nan" in refusal(pair(tmp_path / "other", **graded))


def test_a_column_that_is_not_there(tmp_path):
    write(tmp_path / "set", "train", [1], datasets.Value("int64"))
    task = pair(tmp_path / "set", hub={"columns": {"text_a": "premise", "text_b": "second"}})
    assert "no column 'premise' for text_a; found: first, second, label" in refusal(task)


def test_a_split_that_is_not_there(tmp_path):
    write(tmp_path / "set", "train", [1], datasets.Value("int64"))
    task = pair(tmp_path / "set")
    assert "no split unlabelled" in refusal(task, "unlabelled")
    assert "names: train, dev, test" in refusal(task, "unlabelled")
    assert 'Unknown split "validation"' in refusal(task, "dev")


def test_a_task_without_a_set():
    task = Task("t", "classification", labels=LABELS, folder="T")
    assert "task t has no set on the hub" in refusal(task)
    assert "data.source=files data.root=DIR" in refusal(task)


def test_a_fingerprint_is_of_the_bytes_and_not_of_the_place(tmp_path):
    for name in ("one", "two", "three"):
        first = "c" if name == "three" else "a"
        write(tmp_path / name, "train", [1, 0], datasets.Value("int64"), first)
    one, two, three = (
        hub_fingerprint(pair(tmp_path / name), ("train",)) for name in ("one", "two", "three")
    )
    assert one == two
    assert one != three
    assert hub_fingerprint(pair(tmp_path / "one"), ("train", "dev")) != one


PROGRAM = """
from kdlight.tasks.hub import hub_fingerprint, read_hub
from kdlight.tasks.task import Task
from kdlight.types import UserError

hub = {"path": "nyu-mll/glue", "name": "sst2", "columns": {"text_a": "sentence"}}
task = Task("s", "classification", labels=("a", "b"), folder="S",
            hub={**hub, "splits": {"train": "train"}})
for attempt in (lambda: read_hub(task, "train"), lambda: hub_fingerprint(task, ("train",))):
    try:
        attempt()
    except UserError as error:
        print(error)
"""


def test_without_a_hub_the_other_sources_are_named(tmp_path):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    messages = done.stdout.splitlines()
    assert len(messages) == 2
    for message in messages:
        assert message.startswith("task s: the set nyu-mll/glue sst2 cannot be had from the hub")
        for way in ("data.source=files data.root=DIR", "data.source=embedded"):
            assert way in message
        assert "teacher.pretrained=FOLDER" in message
    assert "Traceback" not in done.stderr
