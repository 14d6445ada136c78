"""The official layouts of the benchmarks' TSV files, and CSV files of users."""

import gzip
import json
import logging
from pathlib import Path

import pytest
import yaml
from hydra.utils import instantiate

from kdlight.tasks.files import find_split, read_file, require_split
from kdlight.tasks.task import Task
from kdlight.types import UserError

CONF = Path(__file__).parents[2] / "conf" / "task"
INFERENCE_HEADER = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
    "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
)
MSR_HEADER = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"


def official(name):
    return instantiate(yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))[name])


def put(root, task, name, content):
    path = root / task.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def read(task, root, split):
    return list(read_file(task, require_split(task, root, split), split))


def values(task, root, split):
    return [(row.text_a, row.text_b, row.label) for row in read(task, root, split)]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("sst2", "sentence\tlabel\nas good as \t1\n' so-so\t0\n", ("as good as", None, 1)),
        ("sst2", "sentence\tlabel\r\nwindows\t1\r\n' so-so\t0\r\n", ("windows", None, 1)),
        ("cola", "s1\t1\t\tHe left.\ns1\t0\t*\tHim left.\n", ("He left.", None, 1)),
        ("rte", "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tnot_entailment\n", ("A.", "B.", 1)),
        ("wnli", "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\t1\n", ("A.", "B.", 1)),
        (
            "qnli",
            "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tentailment\n",
            ("Who?", "He.", 0),
        ),
        ("stsb", "index\tsentence1\tsentence2\tscore\n0\tA\tB\t4.750\n", ("A", "B", 4.75)),
        ("scitail", "A.\tB.\tneutral\nC.\tD.\tentails\n", ("A.", "B.", 1)),
    ],
)
def test_official_layouts(tmp_path, name, content, expected):
    task = official(name)
    put(tmp_path, task, "train.tsv", content)
    assert values(task, tmp_path, "train")[0] == expected


def test_official_test_files_have_no_labels(tmp_path):
    cola, rte = official("cola"), official("rte")
    put(tmp_path, cola, "test.tsv", "index\tsentence\n0\tHe left.\n")
    put(tmp_path, rte, "test.tsv", "index\tsentence1\tsentence2\n0\tA.\tB.\n")
    assert values(cola, tmp_path, "test") == [("He left.", None, None)]
    assert values(rte, tmp_path, "test") == [("A.", "B.", None)]


def test_quotes_are_part_of_the_text(tmp_path):
    task = official("mrpc")
    rows = '1\t1\t2\t" Go on , " he said .\tHe said " go on .\n0\t3\t4\t"\tb\n'
    put(tmp_path, task, "train.tsv", MSR_HEADER + rows)
    assert values(task, tmp_path, "train") == [
        ('" Go on , " he said .', 'He said " go on .', 1),
        ('"', "b", 0),
    ]


def test_other_line_separators_do_not_end_a_row(tmp_path):
    task = official("sst2")
    put(tmp_path, task, "dev.tsv", "sentence\tlabel\none\x85two\u2028three\x0bfour\t1\n\n")
    assert values(task, tmp_path, "dev") == [("one\x85two\u2028three\x0bfour", None, 1)]


def test_msr_train_file_without_the_dev_rows_it_holds(tmp_path):
    task = official("mrpc")
    rows = ["1\t1\t2\ta\tb\n", "0\t3\t4\tc\td\n", "1\t5\t6\te\tf\n"]
    put(tmp_path, task, "msr_paraphrase_train.txt", MSR_HEADER + "".join(rows))
    put(tmp_path, task, "dev.tsv", MSR_HEADER + rows[1])
    assert [row.id for row in read(task, tmp_path, "train")] == ["train-0", "train-2"]
    assert values(task, tmp_path, "dev") == [("c", "d", 0)]
    put(tmp_path, task, "train.tsv", MSR_HEADER + rows[1])
    assert values(task, tmp_path, "train") == [("c", "d", 0)]


def test_broken_qqp_rows_are_skipped_and_counted(tmp_path, caplog):
    task = official("qqp")
    rows = [
        "1\t1\t2\tWhy?\tHow?\t0",
        "2\t3\t4\tcut off",
        "3\t5\t6\t\tWho?\t0",
        "4\t7\t8\tA?\tB?\t1",
    ]
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    path = put(tmp_path, task, "train.tsv", "\n".join([header, *rows]) + "\n")
    with caplog.at_level(logging.WARNING):
        found = read(task, tmp_path, "train")
    assert [(row.id, row.label) for row in found] == [("train-0", 0), ("train-3", 1)]
    assert f"{path}: left out 2 broken rows" in caplog.text


def test_rows_without_agreement_are_left_out_of_snli(tmp_path):
    task = official("snli")
    content = "gold_label\tsentence1\tsentence2\n-\tA.\tB.\ncontradiction\tC.\tD.\n"
    put(tmp_path, task, "snli_1.0_train.txt", content)
    assert values(task, tmp_path, "train") == [("C.", "D.", 2)]


def test_both_dev_sets_of_mnli(tmp_path):
    task = official("mnli")
    row = "\t".join(["0", *"pqrstuv", "A.", "B.", "neutral", "{}"]) + "\n"
    put(tmp_path, task, "dev_matched.tsv", INFERENCE_HEADER + row.format("neutral"))
    put(tmp_path, task, "dev_mismatched.tsv", INFERENCE_HEADER + row.format("entailment"))
    assert values(task, tmp_path, "dev") == [("A.", "B.", 1)]
    (other,) = read(task, tmp_path, "dev_mismatched")
    assert (other.id, other.label) == ("dev_mismatched-0", 0)


def refusal(task, root, split="train"):
    with pytest.raises(UserError) as caught:
        read(task, root, split)
    return str(caught.value)


@pytest.mark.parametrize("row", ["0\tA.\tB.", "0\tA.\tB.\tentailment\tmore"])
def test_a_row_with_a_wrong_number_of_columns(tmp_path, row):
    task = official("rte")
    path = put(tmp_path, task, "train.tsv", f"index\tsentence1\tsentence2\tlabel\n{row}\n")
    found = len(row.split("\t"))
    assert refusal(task, tmp_path) == (
        f"{path}, line 2: {found} columns; expected 4 as in the first line"
    )


def test_a_missing_column_names_those_found(tmp_path):
    task = official("sst2")
    path = put(tmp_path, task, "train.tsv", "text\tlabel\nx\t1\n")
    assert f"{path}, line 1: no column 'sentence' for text_a; found: text, label" in refusal(
        task, tmp_path
    )
    put(tmp_path, task, "dev.tsv", "sentence\tstars\nx\t1\n")
    assert "no column 'label' for label; found: sentence, stars" in refusal(task, tmp_path, "dev")
    cola = official("cola")
    put(tmp_path, cola, "train.tsv", "He left.\t1\n")
    assert "no column 3 for text_a; found: 0, 1" in refusal(cola, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("sst2", "sentence\tlabel\nx\tpositive\ny\t2\n", "line 3: label '2' is not in the set"),
        ("sst2", "sentence\tlabel\n \t1\n", "line 2: text_a is empty"),
        ("sst2", "sentence\tlabel\nx\t\n", "line 2: no label; expected one of negative, positive"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\tnan\n", "line 2: grade 'nan' is not allowed"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\t7\n", "expected a grade from 0 to 5"),
    ],
)
def test_a_bad_value_in_a_table(tmp_path, name, content, words):
    task = official(name)
    path = put(tmp_path, task, "train.tsv", content)
    message = refusal(task, tmp_path)
    assert message.startswith(f"{path}, line ")
    assert words in message


def test_csv_with_quotes_and_an_id(tmp_path):
    columns = {"text_a": "review", "label": "stars", "id": "key"}
    task = Task("c", "classification", labels=("bad", "good"), folder="C", columns=columns)
    put(tmp_path, task, "train.csv", 'key,review,stars\nk7,"so, ""so""\nor so",good\nk9,x,0\n')
    rows = read(task, tmp_path, "train")
    assert [(row.id, row.text_a, row.label) for row in rows] == [
        ("train-k7", 'so, "so"\nor so', 1),
        ("train-k9", "x", 0),
    ]
    path = put(tmp_path, task, "dev.csv", 'key,review,stars\nk7,x,good\nk7,"y",bad\n')
    assert f"{path}, line 3: id 'k7' is empty or stands twice" in refusal(task, tmp_path, "dev")
    path = put(tmp_path, task, "test.csv", 'key,review,stars\nk7,"never closed,good\n')
    assert f"{path}, line 2: not valid CSV" in refusal(task, tmp_path, "test")


CSV = [
    b'text;label\r\n"so; ""so""\r\nor so";good\r\nplain, really;bad\r\n',
    b'\xef\xbb\xbfid,label,text\n7,good,"so; ""so""\nor so"\n9,bad,"plain, really"\n',
    b'label\ttext\ngood\t"so; ""so""\nor so"\nbad\tplain, really\n\n',
]


@pytest.mark.parametrize("content", CSV)
@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
def test_csv_of_any_separator_line_end_and_mark(tmp_path, content, name):
    task = Task("c", labels=("bad", "good"), columns={"text_a": "text"})
    path = tmp_path / "c" / name
    path.parent.mkdir()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    expected = [('so; "so"\nor so', None, 1), ("plain, really", None, 0)]
    assert values(task, tmp_path, "train") == expected


def test_csv_without_a_header(tmp_path):
    task = Task("c", labels=("a", "b"), columns={"header": False, "text_a": 2, "label": 0})
    put(tmp_path, task, "train.csv", "a;1;x, y\nb;2;z\n")
    assert values(task, tmp_path, "train") == [("x, y", None, 0), ("z", None, 1)]


def test_a_comma_outside_quotes_is_named_with_the_remedy(tmp_path):
    task = Task("c", labels=("bad", "good"))
    path = put(tmp_path, task, "train.csv", "text_a,label\nso, so,good\n")
    message = f"{path}, line 2: 3 columns; expected 2 as in the first line, and double quotes"
    assert message in refusal(task, tmp_path)


def test_unlabelled_csv_needs_no_label_column(tmp_path):
    task = Task("c", labels=("bad", "good"), columns={"text_a": "text"})
    put(tmp_path, task, "unlabelled.csv", 'id;text\n1;"one; two"\n')
    assert values(task, tmp_path, "unlabelled") == [("one; two", None, None)]


def test_an_official_archive_of_snli_is_found(tmp_path):
    task = official("snli")
    path = put(tmp_path, task, "snli_1.0_dev.txt", "gold_label\tsentence1\tsentence2\n")
    assert find_split(task, tmp_path, "dev") == path
    assert find_split(task, tmp_path, "train") is None
    row = {"gold_label": "neutral", "sentence1": "A.", "sentence2": "B.", "sentence1_parse": "()"}
    put(tmp_path, task, "snli_1.0_train.jsonl", json.dumps(row) + "\n")
    assert values(task, tmp_path, "train") == [("A.", "B.", 1)]
