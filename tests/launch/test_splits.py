"""Which rows are reported: a second dev set beside the first, held-out rows in place of none."""

import json
import logging

import numpy as np
import pytest
from commands import SMOKE, results
from sklearn.metrics import accuracy_score

from kdlight.data.rows import read_rows
from kdlight.launch.splits import HELD_OUT, find_splits
from kdlight.tasks.embedded import generate
from kdlight.tasks.task import Task

MNLI = Task(
    "mnli",
    pair=True,
    labels=("entailment", "neutral", "contradiction"),
    folder="MNLI",
    embedded="inference",
    more_eval={"mismatched": "dev_mismatched"},
    hub={
        "path": "set",
        "columns": {"text_a": "a"},
        "splits": {"train": "train", "dev": "validation", "dev_mismatched": "other"},
    },
)
ALIAS = "task.mnli.files.dev_mismatched=[dev_mismatched_1k]"


def write(folder, split, count, seed):
    folder.mkdir(parents=True, exist_ok=True)
    rows = generate.rows("inference", "train" if split == "train" else "dev", count, seed)
    lines = [{"text_a": r.text_a, "text_b": r.text_b, "label": r.label} for r in rows]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"{split}.jsonl").write_text(text)


@pytest.fixture
def data(tmp_path):
    """A folder of MNLI's layout, the second dev set under a name of its own."""
    for seed, (split, count) in enumerate([("train", 80), ("dev", 30), ("dev_mismatched_1k", 20)]):
        write(tmp_path / "data/MNLI", split, count, seed)
    return ["task=[mnli]", "data.source=files", "data.root=data", "baseline=false"]


def test_both_dev_sets_are_scored_and_kept_apart(command, tmp_path, data):
    assert command(*SMOKE, *data, ALIAS) == 0
    (found,) = results(tmp_path)
    (path,) = tmp_path.glob("outputs/runs/*/*/predictions/mnli.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    parts = {"accuracy": "dev-", "accuracy_mismatched": "dev_mismatched-"}
    sizes = {"accuracy": 30, "accuracy_mismatched": 20}
    for network in ("teacher", "student"):
        scores = found[network]["scores"]["mnli"]
        assert set(scores) == set(parts)
        for metric, start in parts.items():
            mine = [row for row in rows if row["id"].startswith(start)]
            assert len(mine) == sizes[metric]
            decided = [int(np.argmax(row[network])) for row in mine]
            expected = 100 * accuracy_score([row["gold"] for row in mine], decided)
            assert scores[metric] == pytest.approx(expected)
        assert found["macro"][network] == pytest.approx(sum(scores.values()) / 2)
    (train,) = tmp_path.glob("outputs/artifacts/task_rows/*/selection.arrow")
    assert {row.id.split("-")[0] for row in read_rows(train)} == {"train"}


@pytest.fixture
def said(caplog, monkeypatch):
    """What the program logs, though a command of another test may have set up its logger."""
    logger = logging.getLogger("kdlight")
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "disabled", False)
    caplog.set_level("INFO", logger="kdlight")
    return caplog


def data_of(source, root=None, **changes):
    return {"source": source, "root": root, "eval_split": "dev", **changes}


@pytest.mark.usefixtures("data")
def test_a_second_dev_set_that_is_missing_is_said(tmp_path, said):
    found = find_splits(MNLI, data_of("files", tmp_path / "data"))
    assert (found.reported, found.beside, found.unlabelled) == ("dev", {}, False)
    assert "Task mnli: there is no dev_mismatched, dev alone is scored (++task.mnli" in said.text


@pytest.mark.usefixtures("data")
def test_every_source_knows_its_splits(tmp_path):
    both = {"mismatched": "dev_mismatched"}
    assert find_splits(MNLI, data_of("hub")).beside == both
    assert find_splits(MNLI, data_of("hub", eval_split="test")).beside == {}
    assert find_splits(MNLI, data_of("embedded")).beside == {}
    assert find_splits(MNLI, data_of("embedded")).unlabelled
    write(tmp_path / "data/MNLI", "dev_mismatched", 5, 0)
    (tmp_path / "data/MNLI/unlabelled.txt").write_text("a\tb\n")
    found = find_splits(MNLI, data_of("files", tmp_path / "data"))
    assert (found.beside, found.unlabelled) == (both, True)


def test_without_dev_rows_some_of_train_are_held_out(command, tmp_path, data, said):
    (tmp_path / "data/MNLI/dev.jsonl").unlink()
    assert find_splits(MNLI, data_of("files", tmp_path / "data")).reported == HELD_OUT
    assert "Task mnli has no dev rows: a tenth of its train rows is held out" in said.text
    assert command(*SMOKE, *data, "job=transfer_set") == 0
    (folder,) = (p.parent for p in tmp_path.glob("outputs/artifacts/task_rows/*/eval.arrow"))
    found = {
        name: {row.id for row in read_rows(folder / f"{name}.arrow")}
        for name in ("train", "selection", "eval")
    }
    assert {name: len(ids) for name, ids in found.items()} == {
        "train": 64,
        "selection": 8,
        "eval": 8,
    }
    assert set.union(*found.values()) == {f"train-{number}" for number in range(80)}
    assert results(tmp_path)[0]["split"] == HELD_OUT


def test_a_missing_folder_is_no_missing_dev_set(tmp_path, said):
    assert find_splits(MNLI, data_of("files", tmp_path)).reported == "dev"
    assert "held out" not in said.text
