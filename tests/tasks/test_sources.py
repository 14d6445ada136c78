"""Every task of conf/task gives the same rows from each source; a new one is tested as well."""

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import yaml
from hydra.utils import instantiate

from kdlight.tasks.reader import has_split, read

FILES = sorted((Path(__file__).parents[2] / "conf" / "task").glob("*.yaml"))
# Rows of span and choice tasks are no tables: test_layouts.py has them.
TABLES = [path for path in FILES if "kind: span" not in (text := path.read_text())
          and "kind: choice" not in text]  # fmt: skip
TEXTS = ['A "quoted" one, with a comma', "café; and more", "' plain"]


@pytest.fixture(params=TABLES, ids=lambda path: path.stem)
def task(request):
    return instantiate(yaml.safe_load(request.param.read_text())[request.param.stem])


def rows_of(task):
    """(text_a, text_b, label as files have it), and the same with the label as it is read."""
    labels = list(task.labels) or [0.0, 2.6, 5.0]
    texts = [TEXTS[number % 3] + f" {number}" for number in range(len(labels))]
    written = [(text, f"b {text}", label) for text, label in zip(texts, labels, strict=True)]
    meant = [
        (a, b if task.pair else None, number if task.labels else label)
        for number, (a, b, label) in enumerate(written)
    ]
    return written, meant


def found(task, source, root, split):
    return [(row.text_a, row.text_b, row.label) for row in read(task, source, root, split)]


def put_table(task, path, rows, separator, quoting):
    """Rows in the columns of the YAML, others between them, as the official files have them."""
    columns = {"header": True, **task.columns}
    values = {"text_a": 0, "label": 2} | ({"text_b": 1} if task.pair else {})
    places = {key: columns[key] for key in values}
    if columns["header"]:
        places = {key: 2 * number + 1 for number, key in enumerate(values)}
    width = max(places.values()) + 1
    table = [["x"] * width for _ in rows]
    for line, row in zip(table, rows, strict=True):
        for key, place in places.items():
            line[place] = row[values[key]]
    if columns["header"]:
        named = {place: columns[key] for key, place in places.items()}
        table.insert(0, [named.get(place, f"other{place}") for place in range(width)])
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=separator, quoting=quoting, quotechar=None if quoting else '"',
                   lineterminator="\n").writerows(table)  # fmt: skip


def test_files_of_every_kind_give_the_same_rows(task, tmp_path):
    written, meant = rows_of(task)
    folder = tmp_path / task.folder
    folder.mkdir()
    put_table(task, folder / "train.tsv", written, "\t", csv.QUOTE_NONE)
    put_table(task, folder / "dev.csv", written, ";", csv.QUOTE_MINIMAL)
    keys = ("text_a", "text_b", "label") if task.pair else ("text_a", "label")
    lines = [dict(zip(keys, row if task.pair else row[::2], strict=True)) for row in written]
    packed = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    (folder / "test.jsonl.gz").write_bytes(packed)
    for split in ("train", "dev", "test"):
        assert has_split(task, "files", tmp_path, split)
        assert found(task, "files", tmp_path, split) == meant


def test_a_set_of_the_hub_gives_them_too(task, tmp_path, monkeypatch):
    if task.hub is None or task.layout:
        pytest.skip("no table on the hub")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    written, meant = rows_of(task)
    names, splits = task.hub["columns"], set(task.hub["splits"].values())
    kept = [key for key in ("text_a", "text_b", "label") if key in names]
    values = {names[key]: [row[("text_a", "text_b", "label").index(key)] for row in written]
              for key in kept}  # fmt: skip
    card = {"data_files": [{"split": s, "path": f"{s}.parquet"} for s in sorted(splits)]}
    card["config_name"] = task.hub["name"] or "default"
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': [card]})}---\n")
    rows = datasets.Dataset.from_dict(values)
    if task.labels:  # in an order of its own, as sets of the hub have it
        classes = datasets.ClassLabel(names=sorted(task.labels, reverse=True))
        rows = rows.cast_column(names["label"], classes)
    for split in splits:
        rows.to_parquet(folder / f"{split}.parquet")
    local = replace(task, hub={**task.hub, "path": str(folder)})
    for split in task.hub["splits"]:
        assert has_split(local, "hub", None, split)
        assert found(local, "hub", None, split) == meant
