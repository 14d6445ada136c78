"""The W&B dashboard, as it is built and as the runs' files say it will find its numbers."""

import json
import struct

import pytest
import wandb
from commands import call

from kdlight.launch.wandb_runs import flat
from kdlight.report.dashboard import NETWORKS, Subject, report, workspace

ABOUT = Subject("team", "kdlight", "mkd_lstm", {"sst2": ["accuracy"], "mrpc": ["accuracy", "f1"]})


def names(panels):
    """What panels draw, by title."""
    found = {}
    for panel in panels:
        drawn = [getattr(panel, key, None) for key in ("x", "y", "metrics", "media_keys")]
        drawn.append(getattr(panel, "table_name", None))
        flat_ = [d for part in drawn if part for d in (part if isinstance(part, list) else [part])]
        title = getattr(panel, "title", None) or "table"
        found[title] = [getattr(d, "name", d) for d in flat_]
    return found


def test_sections_for_results_training_and_every_task():
    made = workspace(ABOUT)
    assert (made.entity, made.project, made.name) == ("team", "kdlight", "kdlight: mkd_lstm")
    sections = {section.name: names(section.panels) for section in made.sections}
    assert list(sections) == ["Results", "Training", "sst2", "mrpc"]
    results = sections["Results"]
    assert results["macro by job"] == ["macro/teacher", "macro/baseline", "macro/student"]
    assert results["quality against latency"] == ["latency/student_ms", "macro/student"]
    assert results["Pareto"] == ["pareto"]
    assert results["table"] == ["result"]
    assert sections["Training"]["macro, selection rows"] == ["Step", "val/macro"]
    assert sections["mrpc"]["mrpc: f1"] == [f"{n}/mrpc/f1" for n in NETWORKS]
    assert sections["mrpc"]["mrpc: f1, selection rows"] == ["Step", "val/mrpc/f1"]


def test_the_report_takes_jobs_and_networks_apart():
    made = report(ABOUT)
    grids = [block for block in made.blocks if hasattr(block, "runsets")]
    filters = [runset.filters for grid in grids for runset in grid.runsets]
    assert [str(part) for part in filters] == [
        "Config('experiment') = 'mkd_lstm' and Config('kind') = 'summary'",
        "Config('experiment') = 'mkd_lstm' and Config('kind') != 'summary'",
    ]
    # Other experiments of the project have dashboards of their own.
    kept = workspace(ABOUT)._to_model().spec.section.run_sets[0].filters["filters"]
    assert [(each["key"]["name"], each["op"], each["value"]) for each in kept] == [
        ("experiment", "=", "mkd_lstm")
    ]
    assert names(grids[0].panels)["Pareto"] == ["pareto"]
    assert "val/macro" in names(grids[1].panels)["macro, selection rows"]


def test_numbers_of_a_result_by_the_names_that_the_charts_use():
    found = flat({
        "macro": {"teacher": 90.0, "student": 88.0, "baseline": None},
        "retention": 0.98,
        "latency": {"student_ms": 2.0, "device": "cpu", "more": []},
        "flops": None,
        "teacher": {"name": "t", "params": 10, "scores": {"mrpc": {"f1": 91.0}}},
        "student": {"params_without_embeddings": 5, "scores": {"mrpc": {"f1": 89.0}},
                    "agreement": {"mrpc": 93.0}},
        "baseline": None,
    })  # fmt: skip
    assert found == {
        "macro/teacher": 90.0, "macro/student": 88.0, "retention": 0.98, "latency/student_ms": 2.0,
        "teacher/params": 10, "teacher/mrpc/f1": 91.0, "student/params_without_embeddings": 5,
        "student/mrpc/f1": 89.0, "student/agreement/mrpc": 93.0,
    }  # fmt: skip


def check_written(folder, project):
    made = [
        json.loads((folder / f"outputs/dashboards/kd_bilstm/{name}.json").read_text())
        for name in ("workspace", "report")
    ]
    assert made[0]["project"] == project
    assert made[1]["project"]["name"] == project
    assert "what distillation bought" in json.dumps(made[1]["spec"]["blocks"])


def test_with_a_key_but_no_network_it_is_written(tmp_path, monkeypatch, capfd):
    def unreachable():
        raise wandb.errors.CommError("nobody answers")

    monkeypatch.setattr(wandb, "Api", unreachable)
    monkeypatch.setenv("WANDB_MODE", "online")
    words = ["+experiment=kd_bilstm", "scale=smoke", "job=dashboard", "logger=wandb"]
    assert call(tmp_path, monkeypatch, *words) == 0
    said = capfd.readouterr().err
    assert "W&B: nobody answers" in said
    assert "W&B is offline: nothing was saved there" in said
    check_written(tmp_path, "kdlight")


def test_without_a_key_it_is_written(tmp_path, monkeypatch, capfd):
    words = ["+experiment=kd_bilstm", "scale=smoke", "job=dashboard"]
    assert call(tmp_path, monkeypatch, *words) == 2
    assert "job=dashboard needs logger=wandb" in capfd.readouterr().err
    assert call(tmp_path, monkeypatch, *words, "logger=wandb", "logger.wandb.project=mine") == 0
    said = capfd.readouterr().err
    assert "W&B is offline: nothing was saved there" in said
    check_written(tmp_path, "mine")
    assert not list(tmp_path.glob("outputs/runs/*"))


BLOCK, HEADER, FILE_HEADER = 32768, 7, 7  # bytes


def records(folder):
    """The records of an offline run's file: protobuf messages in LevelDB's log format."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("*.wandb")
    data, place, message = path.read_bytes(), FILE_HEADER, b""
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:  # too little is left of the block for a header
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + HEADER])
        message += data[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(message)
            message = b""
            yield record


@pytest.mark.filterwarnings("ignore")  # of W&B, which writes in processes of its own
def test_runs_hold_the_numbers_that_the_dashboard_draws(tmp_path, monkeypatch):
    words = ["+experiment=kd_bilstm", "scale=smoke", "logger=wandb", "baseline=false"]
    words += ["logger.wandb.group=night", "logger.wandb.tags=[mine]", "augmentation=[]"]
    assert call(tmp_path, monkeypatch, *words) == 0
    history, summary, jobs, kinds = set(), {}, {}, {}
    for folder in tmp_path.glob("outputs/wandb/offline-run-*"):
        job = None
        for record in records(folder):
            if record.HasField("run"):
                job = record.run.job_type
                told = {item.key: item.value_json for item in record.run.config.update}
                kinds[job] = told["kind"]
                assert told["experiment"] == '"kd_bilstm"'
                jobs[job] = (record.run.run_group, record.run.project, list(record.run.tags))
            history |= {".".join(i.nested_key) or i.key for i in record.history.item}
            if job == "summary":
                summary |= {
                    "/".join(i.nested_key) or i.key: json.loads(i.value_json)
                    for i in record.summary.update
                }
    assert set(jobs) == {"teacher", "student", "summary"}
    for group, project, tags in jobs.values():
        assert (group, project) == ("night", "kdlight")
        assert {"mine", "distill", "smoke", "embedded", "bilstm"} <= set(tags)
    assert {"val/macro", "val/sst2/accuracy", "train/loss"} <= history
    (result,) = tmp_path.glob("outputs/runs/*/*/result.json")
    result = json.loads(result.read_text())
    for name, value in flat(result).items():
        assert summary[name] == pytest.approx(value)
    assert summary["macro/student"] == result["macro"]["student"]
    assert kinds == {"teacher": '"teacher"', "student": '"student"', "summary": '"summary"'}
