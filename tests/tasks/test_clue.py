"""Official files of CLUE and FewCLUE, JSON lines in `<split>.json`, from rows as they have them."""

import gzip
import json
from pathlib import Path

import pytest
import yaml
from hydra.utils import instantiate

from kdlight.tasks.files import find_split
from kdlight.tasks.reader import read
from kdlight.types import Example

CONF = Path(__file__).parents[2] / "conf/task"
PAIR = {"sentence1": "一个男人", "sentence2": "一个人"}
LINES = {
    "afqmc": ({**PAIR, "label": "1"}, 1),
    "cmnli": ({**PAIR, "label": "neutral"}, 1),
    "ocnli": (
        {"level": "easy", **PAIR, "label": "contradiction", "label0": "neutral",
         "label1": "contradiction", "genre": "lit", "prem_id": "lit_635", "id": 0},
        2,
    ),
    "tnews": (
        {"label": "102", "label_desc": "news_entertainment", "sentence": "江疏影", "keywords": ""},
        2,
    ),
    "iflytek": ({"label": "110", "label_des": "社区超市", "sentence": "朴朴快送"}, 110),
    "csl": ({"id": 1, "abst": "为解决", "keyword": ["水声", "小波"], "label": "0"}, 0),
    "eprstmt": ({"id": 23, "sentence": "外包装上有点磨损", "label": "Negative"}, 0),
    "chnsenticorp": ({"text": "房间太小", "label": "0"}, 0),
}  # fmt: skip
TEXTS = {"csl": ("为解决", "水声 小波"), "tnews": ("江疏影", None), "iflytek": ("朴朴快送", None)}
TEXTS |= {"eprstmt": ("外包装上有点磨损", None), "chnsenticorp": ("房间太小", None)}


@pytest.fixture
def folder(tmp_path):
    """`folder(task, name, *rows)`: puts a file of JSON lines into the task's folder."""

    def put(task, name, *rows):
        (tmp_path / task.folder).mkdir(exist_ok=True)
        raw = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
        path = tmp_path / task.folder / name
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
        return tmp_path

    return put


def load(name):
    return instantiate(yaml.safe_load((CONF / f"{name}.yaml").read_text())[name])


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_official_rows(name, ending, folder):
    """Ids are numbers: in the folds of FewCLUE, put together, those of the file stand twice."""
    task, (row, label) = load(name), LINES[name]
    root = folder(task, f"train.{ending}", row, row)
    texts = TEXTS.get(name, tuple(PAIR.values()))
    expected = [Example(f"train-{number}", *texts, label) for number in range(2)]
    assert list(read(task, "files", root, "train")) == expected


@pytest.mark.parametrize("name", ["ocnli", "cmnli"])
def test_rows_without_agreement_are_left_out(name, folder, caplog):
    task, (row, _) = load(name), LINES[name]
    root = folder(task, "dev.json", {**row, "label": "-"}, row)
    assert [found.id for found in read(task, "files", root, "dev")] == ["dev-1"]
    assert "left out 1 broken rows" in caplog.text


@pytest.mark.parametrize(
    ("name", "file", "split"),
    [
        ("ocnli", "train.50k.json", "train"),
        ("eprstmt", "train_few_all.json", "train"),
        ("eprstmt", "dev_few_all.json", "dev"),
        ("eprstmt", "test_public.json", "test"),
    ],
)
def test_official_names(name, file, split, folder):
    task, (row, _) = load(name), LINES[name]
    root = folder(task, file, row)
    assert find_split(task, root, split).name == file
    (found,) = read(task, "files", root, split)
    assert found.text_a == (row.get("sentence1") or row["sentence"])


def test_other_files_come_first(folder):
    """A `train.json` beside them may be anything."""
    task, (row, _) = load("afqmc"), LINES["afqmc"]
    root = folder(task, "train.json", row)
    for name in ("train.csv", "train.tsv", "train.jsonl"):
        folder(task, name, row)
        assert find_split(task, root, "train").name == name
