"""Folders of files: what is found, what the rows are, and how damage is named."""

import gzip
import json
import logging

import pytest

from kdlight.tasks.files import find_split, read_file, require_split
from kdlight.tasks.task import Task
from kdlight.types import UserError

SINGLE = Task("single", "classification", labels=("bad", "good"), folder="Single")
PAIR = Task("pair", "classification", pair=True, labels=("no", "yes"), folder="Pair")
GRADED = Task("graded", "regression", pair=True, metrics=("pearson",), folder="Graded")
ROW = {"text_a": "a film", "label": 1}


def put(path, content):
    """Write text, bytes or JSON rows, gzipped where the name says so."""
    if isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content)
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(task, path, split="train"):
    return list(read_file(task, path, split))


def refusal(task, path, split="train"):
    with pytest.raises(UserError) as caught:
        read(task, path, split)
    return str(caught.value)


def test_the_first_file_of_the_order_is_taken(tmp_path):
    names = ["train.csv", "train.tsv", "train.jsonl.gz", "train.jsonl"]
    for name in names:
        path = put(tmp_path / "Single" / name, "x")
        assert find_split(SINGLE, tmp_path, "train") == path
    assert find_split(SINGLE, tmp_path, "dev") is None


def test_dev_files_are_also_called_validation(tmp_path):
    for name in ("val.csv", "valid.csv", "validation.csv", "dev.csv"):
        path = put(tmp_path / "Single" / name, "x")
        assert find_split(SINGLE, tmp_path, "dev") == path
    assert find_split(SINGLE, tmp_path, "train") is None


def test_a_missing_root_names_its_neighbours(tmp_path):
    (tmp_path / "glue").mkdir()
    with pytest.raises(UserError, match=r"data\.root=.*gleu.*near it: glue"):
        require_split(SINGLE, tmp_path / "gleu", "train")


def test_a_missing_folder_names_those_that_exist(tmp_path):
    (tmp_path / "RTE").mkdir()
    with pytest.raises(
        UserError, match=r"Single not found; folders in .*: RTE; \+\+task\.single\."
    ):
        require_split(SINGLE, tmp_path, "train")


def test_a_missing_split_names_what_was_looked_for(tmp_path):
    put(tmp_path / "Single" / "dev.jsonl", [ROW])
    with pytest.raises(UserError) as caught:
        require_split(SINGLE, tmp_path, "train")
    for words in (
        "train.jsonl, train.jsonl.gz",
        "train.tsv",
        "train.csv",
        "holds: dev.jsonl; ++task.single.files.train=[STEM]",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz"])
def test_jsonl(tmp_path, name):
    rows = [
        {**ROW, "more": 1},
        {"text_a": " caf\u00e9\u2028au lait ", "text_b": "", "label": "bad"},
    ]
    first, second = read(SINGLE, put(tmp_path / name, rows))
    assert (first.id, first.text_a, first.text_b, first.label) == ("train-0", "a film", None, 1)
    assert (second.id, second.text_a, second.label) == ("train-1", "caf\u00e9\u2028au lait", 0)
    assert first.source == "gold"


def test_a_label_name_that_is_a_number_is_a_name_first(tmp_path):
    task = Task("news", "classification", labels=("1", "0"), folder="News")
    rows = [{"text_a": "x", "label": label} for label in ("1", 1, "0", 0)]
    path = put(tmp_path / "dev.jsonl", rows)
    assert [row.label for row in read(task, path, "dev")] == [0, 1, 1, 0]


def test_a_test_split_may_lack_labels(tmp_path):
    rows = [{"text_a": "x", "label": None}, {"text_a": "x"}, {"text_a": "x", "label": -1}]
    path = put(tmp_path / "test.jsonl", rows)
    assert [row.label for row in read(SINGLE, path, "test")] == [None, None, None]
    assert "line 1: no label; expected one of bad, good" in refusal(SINGLE, path, "dev")


def test_json_lines_may_have_the_names_of_the_columns(tmp_path):
    columns = {"text_a": "review", "label": "stars"}
    task = Task("c", labels=("bad", "good"), columns=columns)
    path = put(tmp_path / "train.jsonl", [{"review": "x", "stars": "good", "label_old": 0}, ROW])
    assert [(row.text_a, row.label) for row in read(task, path)] == [("x", 1), ("a film", 1)]
    broken = Task("c", labels=("bad", "good"), skip_broken=True)
    for chosen in (SINGLE, broken):  # a wrong name is no broken row
        message = refusal(chosen, path)
        assert "line 1: text_a is missing; the row has: review, stars, label_old" in message
        assert "`columns: {text_a: NAME}` in the task's YAML" in message


def test_unlabelled_text(tmp_path):
    path = put(tmp_path / "Single" / "unlabelled.txt.gz", "one\n\n two\n")
    assert find_split(SINGLE, tmp_path, "unlabelled") == path
    rows = read(SINGLE, path, "unlabelled")
    assert [(r.id, r.text_a, r.label, r.source) for r in rows] == [
        ("unlabelled-0", "one", None, "unlabelled"),
        ("unlabelled-1", "two", None, "unlabelled"),
    ]
    assert "line 1: 1 texts; expected two with a tab" in refusal(PAIR, path, "unlabelled")
    tabs = put(tmp_path / "tabs.txt", "one\ttwo\n\nthree\tfour \nfive\tsix\t7\n")
    rows = read_file(PAIR, tabs, "unlabelled")
    assert [(r.text_a, r.text_b) for r in (next(rows), next(rows))] == [
        ("one", "two"),
        ("three", "four"),
    ]
    with pytest.raises(UserError, match="line 4: 3 texts"):
        next(rows)
    pairs = put(tmp_path / "unlabelled.jsonl", [{"text_a": "x", "text_b": "y", "label": "no"}])
    assert read(PAIR, pairs, "unlabelled")[0].label is None


BAD_ROWS = [
    (SINGLE, {"text_a": "x", "label": "fine"}, ["'fine'", "bad, good", "0 to 1"]),
    (SINGLE, {"text_a": "x", "label": 2}, ["label 2 is not", "0 to 1"]),
    (SINGLE, {"text_a": "x", "label": True}, ["label True is not", "bad, good"]),
    (SINGLE, {"text_a": "x", "label": 1.0}, ["label 1.0 is not"]),
    (SINGLE, {"text_a": "x", "label": [1]}, ["label [1] is not"]),
    (SINGLE, {"text_a": "x", "label": "9" * 5000}, ["is not in the set"]),
    (SINGLE, {"text_a": "x", "label": -1}, ["no label; expected one of"]),
    (SINGLE, {"text_a": " \t", "label": 1}, ["text_a is empty"]),
    (SINGLE, {"label": 1}, ["text_a is missing"]),
    (SINGLE, {"text_a": 5, "label": 1}, ["text_a is 5", "a text"]),
    (SINGLE, {"text_a": "x", "text_b": "y", "label": 1}, ["text_b", "one text a row"]),
    (SINGLE, {"text_a": "\ud800", "label": 1}, ["surrogate"]),
    (PAIR, {"text_a": "x", "label": 1}, ["text_b is missing"]),
    (PAIR, {"text_a": "x", "text_b": "", "label": 1}, ["text_b is empty"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": 5.1}, ["grade 5.1", "from 0 to 5"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": -0.1}, ["grade -0.1"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": float("nan")}, ["grade nan"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": "high"}, ["grade 'high'"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": 10**400}, ["from 0 to 5"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": True}, ["grade True"]),
    (GRADED, {"text_a": "x", "text_b": "y", "label": ""}, ["expected a grade from 0 to 5"]),
    (GRADED, {"text_a": "x", "text_b": "y"}, ["label is missing; the row has: text_a, text_b"]),
]


@pytest.mark.parametrize(("task", "row", "words"), BAD_ROWS)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, task, row, words):
    good = {"text_a": "x", "label": 1} | ({"text_b": "y"} if task.pair else {})
    path = put(tmp_path / "train.jsonl", [good, good, row])
    message = refusal(task, path)
    assert message.startswith(f"{path}, line 3: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text_a": "x", "label": 1}\n{"text_a": "x", "la', "line 2: not a whole JSON object"),
        ('{"text_a": "x", "label": 1}\n\n["x", 1]\n', "line 3: JSON, but not an object"),
        ("[" * 100_000, "line 1: not a whole JSON object"),
        (b'{"text_a": "x", "label": 1}\n{"text_a": "caf\xe9"}\n', "line 2: byte 16 (0xe9)"),
        ("text".encode("utf-16"), "line 1: byte 1 (0xff) is not UTF-8"),
    ],
)
def test_a_line_that_is_not_json(tmp_path, content, words):
    path = put(tmp_path / "train.jsonl", content)
    assert f"{path}, {words}" in refusal(SINGLE, path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    content = b"\xef\xbb\xbf" + json.dumps(ROW).encode()
    assert read(SINGLE, put(tmp_path / "train.jsonl", content))[0].text_a == "a film"


def test_damaged_gzip_files(tmp_path):
    path = put(tmp_path / "train.jsonl.gz", [ROW | {"more": n} for n in range(5000)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "the gzip file ends too early" in refusal(SINGLE, path)
    path.write_bytes(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    assert f"{path}, line 5001: damaged gzip file" in refusal(SINGLE, path)
    path.write_text("no gzip")
    assert f"{path}, line 1: damaged gzip file" in refusal(SINGLE, path)


def test_a_file_that_cannot_be_read(tmp_path):
    assert f"{tmp_path / 'gone.jsonl'}: cannot be read" in refusal(SINGLE, tmp_path / "gone.jsonl")


def test_rows_come_one_at_a_time(tmp_path):
    path = put(tmp_path / "train.jsonl", json.dumps(ROW) + "\nnot json\n")
    rows = read_file(SINGLE, path, "train")
    assert next(rows).id == "train-0"
    with pytest.raises(UserError, match="line 2"):
        next(rows)


def test_skipping_is_counted_and_said(tmp_path, caplog):
    task = Task("s", "classification", labels=("a", "b"), folder="S", skip_broken=True)
    rows = [
        {"text_a": "x", "label": "-"},
        {"text_a": "y", "label": "b"},
        {"text_a": "", "label": 0},
    ]
    path = put(tmp_path / "train.jsonl", rows)
    with caplog.at_level(logging.WARNING):
        assert [row.id for row in read(task, path)] == ["train-1"]
    assert f"{path}: left out 2 broken rows" in caplog.text
    wrong = put(tmp_path / "dev.jsonl", [{"text_a": "x", "label": "c"}])
    assert "label 'c'" in refusal(task, wrong, "dev")
