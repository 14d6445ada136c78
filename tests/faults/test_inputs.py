"""Mutated input files: the rows are right, or one sentence names the file and the line."""

import csv
import gzip
import io
import json
import random
import re

import pytest
from faults.harness import ROUNDS
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlight.tasks.files import read_file
from kdlight.tasks.task import Task
from kdlight.types import Example, UserError

SINGLE = Task("single", "classification", labels=("bad", "good"), folder="Single")
PAIR = Task("pair", "classification", pair=True, labels=("no", "yes"), folder="Pair")
GRADED = Task("graded", "regression", pair=True, metrics=("pearson",), folder="Graded")
SKIPPING = Task("skip", "classification", labels=("a", "b"), folder="Skip", skip_broken=True)
BARE = Task(
    "bare", "classification", labels=("bad", "good"), folder="Bare",
    columns={"header": False, "text_a": 3, "label": 1},
)  # fmt: skip
TASKS = (SINGLE, PAIR, GRADED, SKIPPING, BARE)
NAMES = ("train.jsonl", "train.jsonl.gz", "train.tsv", "train.tsv.gz", "train.csv", "dev.tsv")
NAMES += ("test.jsonl", "test.tsv", "unlabelled.txt", "unlabelled.txt.gz", "unlabelled.jsonl")
SMALL = settings(max_examples=60 * ROUNDS, derandomize=ROUNDS == 1)


def rows_of(task, path):
    return list(read_file(task, path, path.name.split(".")[0]))


def check(task, path, content):
    """Reads a file of that content; the rows, or None where it was refused in one sentence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return check_file(task, path)


def check_file(task, path):
    refusal = None
    try:
        rows = rows_of(task, path)
    except UserError as error:
        refusal = str(error)
    if refusal is not None:
        assert re.match(rf"{re.escape(str(path))}(, line [1-9]\d*)?: \S", refusal)
        assert len(refusal) < 600 + len(str(path))
        assert "\n" not in refusal
        return None
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        check_row(task, path, row)
    return rows


def check_row(task, path, row):
    assert isinstance(row, Example)
    texts = [row.text_a, *([row.text_b] if task.pair else [])]
    assert all(isinstance(text, str) and text.strip() and text.encode() for text in texts)
    assert task.pair or row.text_b is None
    if row.label is None:
        assert path.name.startswith(("test", "unlabelled"))
    elif task.kind == "regression":
        assert 0 <= row.label <= 5
    else:
        assert type(row.label) is int
        assert 0 <= row.label < len(task.labels)


def good(task, name, count=6):
    """The content of a file as it should be."""
    labels = [str(n % 6) if task is GRADED else task.labels[n % 2] for n in range(count)]
    texts = [(f"café no. {n}", f"second, “{n}”") for n in range(count)]
    if ".txt" in name:
        return "".join(f"{a}\n" for a, _ in texts).encode()
    if ".jsonl" in name:
        rows = [
            {"text_a": a, **({"text_b": b} if task.pair else {}), "label": label}
            for (a, b), label in zip(texts, labels, strict=True)
        ]
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()
    out = io.StringIO()
    kind = {} if ".csv" in name else {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    writer = csv.writer(out, lineterminator="\n", **kind)
    if task is BARE:
        writer.writerows(["x", label, "y", a] for (a, _), label in zip(texts, labels, strict=True))
        return out.getvalue().encode()
    writer.writerow(["text_a", "text_b", "label"] if task.pair else ["text_a", "label"])
    for (a, b), label in zip(texts, labels, strict=True):
        writer.writerow([a, b, label] if task.pair else [a, label])
    return out.getvalue().encode()


def cases():
    return [
        (task, name)
        for task in TASKS
        for name in NAMES
        if not (task.pair and ".txt" in name)
    ]  # fmt: skip


@pytest.mark.parametrize(("task", "name"), cases(), ids=lambda value: getattr(value, "name", value))
def test_a_good_file_is_read(tmp_path, task, name):
    rows = check(task, tmp_path / name, good(task, name))
    assert len(rows) == 6
    assert rows[3].text_a == "café no. 3"
    assert rows[3].text_b == ("second, “3”" if task.pair else None)
    expected = None if "unlabelled" in name else 3 if task is GRADED else 1
    assert rows[3].label == expected


SPICE = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\t", b'"', b",", b"{", b"}", b"["),
    *(b"\\ud800", b"\\u0000", b"NaN", b"-Infinity", b"1e999", b"9" * 30, b"null", b"true"),
    *("é".encode("latin-1"), "x".encode("utf-16"), "\u2028\u200b\x85".encode(), b"\x1f\x8b"),
    *(b'"label": 1, "label": 0', b'{"text_a": {"text_a": "x"}}', b"[" * 300, b"\x1a", b"-1"),
]


@st.composite
def mutated(draw, content):
    """The content after a few insertions, deletions, doublings and other bytes."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(("insert", "replace", "delete", "cut", "double", "byte")))
        if kind in ("insert", "replace"):
            content[at : end if kind == "replace" else at] = draw(st.sampled_from(SPICE))
        elif kind == "delete":
            del content[at:end]
        elif kind == "cut":
            del content[at:]
        elif kind == "double":
            content[at:at] = content[at:end]
        elif at < len(content):
            content[at] = draw(st.integers(0, 255))
    return bytes(content)


@pytest.mark.parametrize(("task", "name"), cases(), ids=lambda value: getattr(value, "name", value))
def test_a_mutated_file(tmp_path_factory, task, name):
    path = tmp_path_factory.mktemp("mutated") / name

    @SMALL
    @given(mutated(good(task, name)))
    def run(content):
        check(task, path, content)

    run()


@pytest.mark.parametrize("name", ["train.jsonl.gz", "train.tsv.gz", "unlabelled.txt.gz"])
def test_a_mutated_gzip_file(tmp_path_factory, name):
    """The packed bytes are mutated; what is read at all is what was packed."""
    path = tmp_path_factory.mktemp("mutated") / name
    whole = check(SINGLE, path, good(SINGLE, name, 200))
    packed = path.read_bytes()

    @SMALL
    @given(mutated(packed))
    def run(content):
        path.write_bytes(content)
        rows = check_file(SINGLE, path)
        assert rows is None or rows == whole or len(content) < 20 or content[:10] != packed[:10]

    run()
    for size in range(0, len(packed), 7):
        path.write_bytes(packed[:size])
        assert not check_file(SINGLE, path)


@SMALL
@given(st.lists(st.dictionaries(
    st.sampled_from(("text_a", "text_b", "label", "x")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("good"),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=4,
    ),
), max_size=3), st.sampled_from(TASKS))  # fmt: skip
def test_objects_of_any_values(tmp_path_factory, objects, task):
    path = tmp_path_factory.getbasetemp() / "objects" / "train.jsonl"
    content = "".join(json.dumps(row) + "\n" for row in objects).encode()
    rows = check(task, path, content)
    if rows and not task.skip_broken:
        assert [row.text_a for row in rows] == [row["text_a"].strip() for row in objects]


@SMALL
@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), max_size=4), st.sampled_from(NAMES))
def test_tables_of_any_cells(tmp_path_factory, cells, name):
    path = tmp_path_factory.getbasetemp() / "tables" / name
    separator = "," if "csv" in name else "\t"
    text = "".join(separator.join(row) + "\n" for row in [["text_a", "label"], *cells])
    check(SINGLE, path, text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text_a": "x", "label": 0, "label": 1}', "label"),
        ('{"text_a": "x", "label": ' + "1" * 5000 + "}", ""),
        ('{"text_a": "x", "label": NaN}', "nan"),
        ('{"text_a": "x", "label": Infinity}', "inf"),
        ('{"a":' * 5000 + "1" + "}" * 5000, ""),
        ('{"text_a": "\\ud800 x", "label": 1}', "surrogate"),
    ],
)
def test_a_line_with_two_meanings_or_none_is_refused(tmp_path, line, words):
    path = tmp_path / "train.jsonl"
    path.write_text('{"text_a": "fine", "label": 1}\n' + line + "\n")
    with pytest.raises(UserError, match=r"line 2: ") as caught:
        rows_of(SINGLE, path)
    assert words in str(caught.value)


def test_a_line_of_many_megabytes(tmp_path):
    text = "long " * 2_000_000
    rows = check(
        SINGLE, tmp_path / "train.jsonl", json.dumps({"text_a": text, "label": 1}).encode()
    )
    assert rows[0].text_a == text.strip()
    assert check(SINGLE, tmp_path / "dev.jsonl", b'{"text_a": "' + b"x" * 10_000_000) is None
    rows = check(SINGLE, tmp_path / "train.tsv", f"text_a\tlabel\n{text}\t1\n".encode())
    assert rows[0].text_a == text.strip()
    check(SINGLE, tmp_path / "train.csv", f"text_a,label\n{text},1\n".encode())
    for name in ("train.tsv", "train.csv", "train.jsonl"):
        assert check(SINGLE, tmp_path / name, b"x" * 10_000_000) is None


def test_other_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    for number, name in enumerate(("train.jsonl", "train.tsv", "train.csv", "unlabelled.txt")):
        content = good(SINGLE, name)
        whole = check(SINGLE, tmp_path / f"{number}a" / name, content)
        for place, changed in (
            ("b", content.replace(b"\n", b"\r\n")),
            ("c", b"\xef\xbb\xbf" + content),
            ("d", content.rstrip(b"\n")),
        ):
            assert check(SINGLE, tmp_path / f"{number}{place}" / name, changed) == whole


def test_random_noise(tmp_path):
    draw = random.Random(0)
    for name in NAMES:
        for size in (0, 1, 2, 3, 10, 100, 10_000):
            path = tmp_path / name
            path.write_bytes(draw.randbytes(size))
            check_file(SINGLE, path)
