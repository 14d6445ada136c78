"""Every file of conf/task is a task; a new one is tested without writing a test."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from kdlight.tasks.reader import EMBEDDED_TASKS, read
from kdlight.tasks.task import Task
from kdlight.types import UserError

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted((CONF / "task").glob("*.yaml"))
FOLDERS = {
    "sst2": "SST-2",
    "sst2_sent": "SST-2-sent",
    "cola": "CoLA",
    "mrpc": "MRPC",
    "qqp": "QQP",
    "stsb": "STS-B",
    "mnli": "MNLI",
    "qnli": "QNLI",
    "rte": "RTE",
    "wnli": "WNLI",
    "snli": "SNLI",
    "scitail": "SciTail",
    "trec": "TREC",
    "cr": "CR",
    "squad1": "SQuAD1.1",
    "squad2": "SQuAD2.0",
    "afqmc": "zh_AFQMC",
    "tnews": "zh_TNEWS",
    "iflytek": "zh_IFLYTEK",
    "cmnli": "zh_CMNLI",
    "ocnli": "zh_OCNLI",
    "cluewsc": "zh_CLUEWSC",
    "csl": "zh_CSL",
    "cmrc2018": "zh_CMRC2018",
    "chid": "zh_CHID",
    "c3": "zh_C3",
    "chnsenticorp": "zh_ChnSentiCorp",
    "eprstmt": "zh_EPRSTMT",
}
GLUE_LABELS = {
    "sst2": ("negative", "positive"),
    "cola": ("unacceptable", "acceptable"),
    "mrpc": ("not_equivalent", "equivalent"),
    "qqp": ("not_duplicate", "duplicate"),
    "stsb": (),
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("entailment", "not_entailment"),
    "rte": ("entailment", "not_entailment"),
    "wnli": ("not_entailment", "entailment"),
}
GLUE_METRICS = {
    **{name: {"accuracy"} for name in ("sst2", "mnli", "qnli", "rte", "wnli")},
    "cola": {"matthews"},
    "mrpc": {"f1", "accuracy"},
    "qqp": {"f1", "accuracy"},
    "stsb": {"pearson", "spearman"},
}


def load(path: Path) -> Task:
    return instantiate(yaml.safe_load(path.read_text(encoding="utf-8"))[path.stem])


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_the_only_key_is_the_name_and_the_first_line_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert list(yaml.safe_load(text)) == [path.stem]
    assert load(path).name == path.stem


def test_labels_are_quoted(path):
    node = yaml.compose(path.read_text(encoding="utf-8"))
    entries = {key.value: value for key, value in node.value[0][1].value}
    for label in entries["labels"].value if "labels" in entries else []:
        assert label.style in ("'", '"'), f"{path}: label {label.value} is not quoted"


def test_columns_cover_the_texts(path):
    task = load(path)
    if task.kind in ("classification", "regression"):
        for columns in filter(None, (task.columns, task.hub and task.hub["columns"])):
            assert {"text_a", "label"} <= set(columns)
            assert ("text_b" in columns) == task.pair
    else:
        special = {"span": {"answers"}, "choice": {"options", "label"}}[task.kind]
        for columns in (task.columns, task.hub["columns"]):
            assert {"text_a", *special} <= set(columns)
            assert ("text_b" in columns) == task.pair


def test_embedded_rows_fit_the_task(path):
    task = load(path)
    if task.embedded is None:
        with pytest.raises(UserError, match=r"no embedded rows.*sst2.*data\.source=files"):
            read(task, "embedded", None, "train", 10)
        return
    rows = list(read(task, "embedded", None, "train", 200))
    assert len(rows) == 200
    if task.kind == "classification":
        assert {row.label for row in rows} == set(range(task.num_outputs))
        assert {row.text_b is not None for row in rows} == {task.pair}
    if task.kind == "span":
        told = [row for row in rows if row.label]
        assert all(row.text_b[a.start :].startswith(a.text) for row in told for a in row.answers)
        assert {bool(row.answers) for row in told} == {True}
    if task.kind == "choice":
        assert {row.label for row in rows} == set(range(4))
    if task.kind == "regression":
        assert all(task.grade_range[0] <= row.label <= task.grade_range[1] for row in rows)


def test_the_folders_of_the_contract():
    assert {name: load(CONF / "task" / f"{name}.yaml").folder for name in FOLDERS} == FOLDERS


def test_the_labels_of_glue():
    found = {name: load(CONF / "task" / f"{name}.yaml").labels for name in GLUE_LABELS}
    assert found == GLUE_LABELS


def test_the_metrics_of_glue():
    found = {name: set(load(CONF / "task" / f"{name}.yaml").metrics) for name in GLUE_METRICS}
    assert found == GLUE_METRICS


def test_the_list_of_embedded_tasks_is_right():
    for name in FOLDERS:
        task = load(CONF / "task" / f"{name}.yaml")
        assert (task.embedded is not None) == (name in EMBEDDED_TASKS)


def test_tasks_are_chosen_as_a_list():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(overrides=["+task=[rte,mrpc]", "task.rte.folder=Other"])
    tasks = instantiate(config.task)
    assert {name: task.folder for name, task in tasks.items()} == {"rte": "Other", "mrpc": "MRPC"}
