"""Official files of span and choice tasks, from files that the test writes."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import yaml
from hydra.utils import instantiate

from kdlight.tasks.reader import read, source_fingerprint
from kdlight.tasks.spans import Settled, settled
from kdlight.types import Answer, Example, UserError

CONF = Path(__file__).parents[2] / "conf/task"
CONTEXT = " Zoë sat in a café. "


def task(name):
    return instantiate(yaml.safe_load((CONF / f"{name}.yaml").read_text())[name])


def rows(about, root, split="train"):
    return list(read(about, "files", root, split))


def put(about, root, name, value, packed=False):
    folder = root / about.folder
    folder.mkdir(exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    raw = text.encode()
    (folder / name).write_bytes(gzip.compress(raw) if packed else raw)


def squad(*questions):
    return {"version": "x", "data": [{"paragraphs": [{"context": CONTEXT, "qas": questions}]}]}


FOUND = {"id": "q1", "question": " Where? ", "answers": [{"text": "café", "answer_start": 14}]}
NONE = {"id": "q2", "question": "Why?", "answers": [], "is_impossible": True}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["squad1", "squad2", "cmrc2018"])
def test_squad(name, packed, tmp_path):
    put(task(name), tmp_path, "train.json" + ".gz" * packed, squad(FOUND, NONE), packed)
    assert rows(task(name), tmp_path) == [
        Example("train-q1", "Where?", CONTEXT, 1, answers=(Answer("café", 14),)),
        Example("train-q2", "Why?", CONTEXT, 0),
    ]
    assert CONTEXT[14:18] == "café"


def test_json_lines_of_span_tasks(tmp_path):
    lines = [
        {"text_a": "a", "text_b": CONTEXT, "answers": [{"text": "café", "start": 14}]},
        {"question": "b", "context": CONTEXT, "answers": {"text": ["Zoë"], "answer_start": [1]}},
        {"text_a": "c", "text_b": CONTEXT, "answers": ["café"]},
        {"text_a": "d", "text_b": CONTEXT, "answers": []},
    ]
    put(task("squad2"), tmp_path, "train.jsonl", "\n".join(map(json.dumps, lines)))
    found = rows(task("squad2"), tmp_path)
    assert [row.answers for row in found] == [
        (Answer("café", 14),),
        (Answer("Zoë", 1),),
        (Answer("café", -1),),
        (),
    ]
    assert [row.label for row in found] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('{"data": 3}', "no list `data`"),
        ('{"data": [', "not a whole JSON file"),
        (squad({"id": "q9", "question": "x", "answers": 3}), "question q9: answers are 3"),
        (squad({"id": "q9", "question": "", "answers": []}), "question q9: text_a is empty"),
        (squad({"id": "q9", "question": "x"}), "question q9: answers is missing"),
        (squad({**FOUND, "answers": [{"text": "x", "answer_start": "3"}]}), "starts at '3'"),
        (squad(FOUND, FOUND), "stands twice"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(value, words, tmp_path):
    put(task("squad1"), tmp_path, "train.json", value)
    with pytest.raises(UserError, match=words) as refused:
        rows(task("squad1"), tmp_path)
    assert "train.json" in str(refused.value)


def test_answers_at_the_wrong_place(tmp_path):
    del tmp_path
    context = "a cat, a dog and a cat"
    met = Settled()
    made = [
        Example("1", "?", context, 1, answers=(Answer("dog", 0), Answer("dog", 9))),
        Example("2", "?", context, 1, answers=(Answer("cat", 5),)),
        Example("3", "?", context, 1, answers=(Answer("cat", 2), Answer("bird", 0))),
        Example("4", "?", context, 0),
    ]
    kept = list(settled(made, "train", met))
    assert [row.id for row in kept] == ["1", "3", "4"]
    assert kept[0].answers == (Answer("dog", 9), Answer("dog", 9))
    assert kept[1].answers == (Answer("cat", 2), Answer("bird", -1))
    assert (met.moved, met.nowhere, met.left_out) == (1, 2, ["2"])
    assert len(list(settled(made, "dev", Settled()))) == 4


def test_c3(tmp_path):
    about = task("c3")
    asked = {"question": "谁?", "choice": ["男", "女", "不"], "answer": "女"}
    put(about, tmp_path, "d-train.json", [[["男:你好", "女:好"], [asked], "7-1"]])
    put(about, tmp_path, "m-train.json", [[["文章"], [asked, {**asked, "answer": "男"}], "8"]])
    found = rows(about, tmp_path)
    assert [row.text_a for row in found] == ["男:你好 女:好", "文章", "文章"]
    assert {row.text_b for row in found} == {"谁?"}
    assert {row.options for row in found} == {("男", "女", "不")}
    assert [row.label for row in found] == [1, 1, 0]
    before = source_fingerprint(about, "files", tmp_path, ["train"])
    put(about, tmp_path, "m-train.json", [[["别的"], [asked], "8"]])
    assert source_fingerprint(about, "files", tmp_path, ["train"]) != before


def test_chid(tmp_path):
    about = task("chid")
    idioms = ["一心一意", "三心二意"]
    line = {"content": ["他#idiom000001#，她#idiom000002#。"], "candidates": idioms}
    put(about, tmp_path, "train.json", json.dumps(line, ensure_ascii=False) + "\n")
    put(about, tmp_path, "train_answer.json", {"#idiom000001#": 0, "#idiom000002#": 1})
    found = rows(about, tmp_path)
    assert [row.text_a for row in found] == ["他[MASK]，她__。", "他__，她[MASK]。"]
    assert [(row.label, row.options) for row in found] == [(0, tuple(idioms)), (1, tuple(idioms))]
    put(about, tmp_path, "train_answer.json", {"#idiom000001#": 5})
    with pytest.raises(UserError, match=r"line 1: label 5 is no option"):
        rows(about, tmp_path)


def test_cluewsc(tmp_path):
    about = task("cluewsc")
    target = {"span1_text": "树叶", "span1_index": 1, "span2_text": "他", "span2_index": 4}
    line = {"text": "一片树叶，他走了", "target": target, "label": "false", "idx": 0}
    put(about, tmp_path, "train.json", json.dumps(line))
    assert rows(about, tmp_path) == [Example("train-0", line["text"], "树叶|他", 0)]


@pytest.mark.parametrize(
    ("label", "number"), [(1, 1), ("1", 1), ("big", 0), (-1, None), (None, None)]
)
def test_json_lines_of_choice_tasks(label, number, tmp_path):
    line = {"text_a": "a cat is", "options": ["big", "red"], "label": label}
    put(task("chid"), tmp_path, "test.jsonl", json.dumps(line))
    (row,) = rows(task("chid"), tmp_path, "test")
    assert (row.options, row.label) == (("big", "red"), number)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"options": ["one"]}, "two texts or more"),
        ({"options": None}, "two texts or more"),
        ({"label": 2}, "label 2 is no option"),
        ({"label": "grey"}, "label 'grey' is no option"),
        ({"label": None}, "no label; expected the right option"),
    ],
)
def test_choice_rows_that_cannot_be_used(changes, words, tmp_path):
    line = {"text_a": "a cat is", "options": ["big", "red"], "label": 1, **changes}
    put(task("chid"), tmp_path, "train.jsonl", json.dumps(line))
    with pytest.raises(UserError, match=words):
        rows(task("chid"), tmp_path)


HUB = {
    "squad2": (
        {"id": "q", "context": CONTEXT, "question": "Where?",
         "answers": {"text": ["café"], "answer_start": [14]}},
        Example("train-0", "Where?", CONTEXT, 1, answers=(Answer("café", 14),)),
    ),
    "c3": (
        {"id": 1, "context": ["文", "章"], "question": "谁?",
         "choice": ["男", "女"], "answer": "女"},
        Example("train-0", "文 章", "谁?", 1, options=("男", "女")),
    ),
    "chid": (
        {"idx": 1, "candidates": ["男", "女"], "content": ["她是#idiom000007#"],
         "answers": {"text": ["#idiom000007#"], "candidate_id": [1]}},
        Example("train-0", "她是[MASK]", None, 1, options=("男", "女")),
    ),
    "cluewsc": (
        {"idx": 1, "text": "树叶，他", "label": "true",
         "target": {"span1_text": "树叶", "span2_text": "他", "span1_index": 0, "span2_index": 3}},
        Example("train-0", "树叶，他", "树叶|他", 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HUB)
def test_sets_of_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    record, meant = HUB[name]
    about = task(name)
    folder = tmp_path / "set"
    folder.mkdir()
    card = {
        "config_name": about.hub["name"],
        "data_files": [{"split": "train", "path": "t.parquet"}],
    }
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': [card]})}---\n")
    datasets.Dataset.from_list([record]).to_parquet(folder / "t.parquet")
    local = replace(about, hub={**about.hub, "path": str(folder)})
    assert list(read(local, "hub", None, "train")) == [meant]
