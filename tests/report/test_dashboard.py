"""The W&B dashboard, as it is built and as the runs' files say it will find its numbers."""

import json
import struct

import pytest
import wandb
from commands import call

from kdlight.launch import dashboard
from kdlight.launch.wandb_runs import flat
from kdlight.report.dashboard import NETWORKS, Subject, report, workspace
from kdlight.types import UserError

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
        "variants": {"plain": {"macro": 87.0, "scores": {}}},
        "groups": {"in_domain": {"tasks": ["mrpc"], "macro": {"student": 89.0, "plain": 86.0}}},
    })  # fmt: skip
    assert found == {
        "macro/teacher": 90.0, "macro/student": 88.0, "retention": 0.98, "latency/student_ms": 2.0,
        "teacher/params": 10, "teacher/mrpc/f1": 91.0, "student/params_without_embeddings": 5,
        "student/mrpc/f1": 89.0, "student/agreement/mrpc": 93.0,
        "macro/plain": 87.0, "groups/in_domain/student": 89.0, "groups/in_domain/plain": 86.0,
    }  # fmt: skip


def check_written(folder, project):
    made = [
        json.loads((folder / f"outputs/dashboards/kd_bilstm/{name}.json").read_text())
        for name in ("workspace", "report")
    ]
    assert made[0]["project"] == project
    assert made[1]["project"]["name"] == project
    assert "what distillation bought" in json.dumps(made[1]["spec"]["blocks"])


@pytest.mark.parametrize("entity", [[], ["logger.wandb.entity=team"]])
def test_with_a_key_but_no_network_it_is_written(entity, tmp_path, monkeypatch, capfd):
    def unreachable():
        raise wandb.errors.CommError("nobody answers")

    monkeypatch.setattr(wandb, "Api", unreachable)
    monkeypatch.setenv("WANDB_MODE", "online")
    words = ["+experiment=kd_bilstm", "scale=smoke", "job=dashboard", "logger=wandb"]
    words += entity
    assert call(tmp_path, monkeypatch, *words) == 0
    said = capfd.readouterr().err
    assert "W&B: nobody answers" in said
    assert "W&B is offline: nothing was saved there" in said
    check_written(tmp_path, "kdlight")


def test_without_a_key_it_is_written(tmp_path, monkeypatch, capfd):
    words = ["+experiment=kd_bilstm", "scale=smoke", "job=dashboard"]
    assert call(tmp_path, monkeypatch, *words) == 2
    assert "job=dashboard needs logger=wandb" in capfd.readouterr().err
    words += ["logger=wandb", "logger.wandb.project=mine", "logger.wandb.entity=team"]
    assert call(tmp_path, monkeypatch, *words) == 0
    said = capfd.readouterr().err
    assert "W&B is offline: nothing was saved there" in said
    check_written(tmp_path, "mine")
    assert not list(tmp_path.glob("outputs/runs/*"))


def test_the_next_time_is_saved_over_the_first(tmp_path, caplog):
    """Found again by its URL, per project; one that is gone is made anew."""
    there, saves = {}, []

    class Page:
        def __init__(self, sections):
            self.sections, self.url = sections, None

        def save(self):
            self.url = self.url or f"https://wandb.example/{len(there)}"
            there[self.url] = self
            saves.append(self.url)

        @classmethod
        def from_url(cls, url):
            return there[url]

    def save(sections, project="team/kdlight"):
        made = {name: Page(sections) for name in ("workspace", "report")}
        return dashboard._save(made, project, tmp_path / "urls.json")

    first = save("old")
    assert save("new") == first
    assert [page.sections for page in there.values()] == ["new", "new"]
    assert save("new", "team/other") != first
    del there[first["report"]]
    again = save("newest")
    assert again["workspace"] == first["workspace"]
    assert again["report"] == saves[-1]
    assert "another is made" in caplog.text


def test_a_workspace_of_before_shows_what_is_new(monkeypatch):
    from wandb_workspaces.workspaces import internal

    old = workspace(ABOUT)._to_model()
    old.name, old.id = "nw-abc-v", "12"
    monkeypatch.setattr(internal.View, "from_name", lambda *_: old)
    new = workspace(Subject("team", "kdlight", "mkd_lstm", {"rte": ["accuracy"]}))
    made = dashboard._over(new, "https://wandb.ai/team/kdlight?nw=abc")._to_model()
    assert (made.name, made.id, made.display_name) == ("nw-abc-v", "12", "kdlight: mkd_lstm")
    shown = [bank.name for bank in made.spec.section.panel_bank_config.sections]
    assert "rte" in shown
    assert "mrpc" not in shown


def test_a_report_of_before_shows_what_is_new(monkeypatch):
    from wandb_workspaces.reports.v2 import interface

    old = report(ABOUT, online=False)._to_model()
    spec = old.spec.model_dump_json(by_alias=True, exclude_none=True)  # as it is stored
    old = old.model_dump(by_alias=True) | {"id": "Vmlldzo3", "spec": spec}
    monkeypatch.setattr(interface, "_url_to_viewspec", lambda _: old)
    new = report(Subject("team", "kdlight", "mkd_lstm", {}))
    new.blocks = new.blocks[:2]
    made = dashboard._over(new, "https://wandb.ai/team/kdlight/reports/x--Vmlldzo3")
    assert made.id == "Vmlldzo3"
    assert made.blocks == new.blocks


def test_an_error_without_words_is_named_by_its_kind(tmp_path):
    class Mute:
        def save(self):
            raise ConnectionError

    with pytest.raises(UserError, match="W&B: ConnectionError"):
        dashboard._save({"workspace": Mute()}, "team/kdlight", tmp_path / "urls.json")


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


def runs_of(folder):
    """By name of each offline run: its record, and the numbers of its history and summary."""
    found = {}
    for place in folder.glob("outputs/wandb/offline-run-*"):
        run, history, summary = None, set(), {}
        for record in records(place):
            if record.HasField("run"):
                run = record.run
            history |= {".".join(i.nested_key) or i.key for i in record.history.item}
            summary |= {
                "/".join(i.nested_key) or i.key: json.loads(i.value_json)
                for i in record.summary.update
            }
        found[run.display_name] = (run, history, summary)
    return found


def artifacts_of(folder, *kinds):
    """Fingerprints of artifacts by title."""
    manifests = [p for kind in kinds for p in folder.glob(f"outputs/artifacts/{kind}/*/*.json")]
    read = [json.loads(path.read_text()) for path in manifests if path.name == "manifest.json"]
    return {made["title"]: made["fingerprint"] for made in read}


@pytest.mark.filterwarnings("ignore")  # of W&B, which writes in processes of its own
def test_runs_hold_the_numbers_that_the_dashboard_draws(tmp_path, monkeypatch):
    words = ["+experiment=kd_bilstm", "scale=smoke", "logger=wandb", "baseline=false"]
    words += ["logger.wandb.group=night", "logger.wandb.tags=[mine]", "augmentation=[]"]
    assert call(tmp_path, monkeypatch, *words) == 0
    runs = runs_of(tmp_path)
    made = artifacts_of(tmp_path, "teacher", "student")
    # The id is the fingerprint, so that a restart continues the run.
    assert {name: run.run_id for name, (run, _, _) in runs.items() if name in made} == made
    assert sorted(run.job_type for run, _, _ in runs.values()) == ["student", "summary", "teacher"]
    for run, _, _ in runs.values():
        told = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert (told["experiment"], told["kind"]) == ("kd_bilstm", run.job_type)
        assert (run.run_group, run.project) == ("night", "kdlight")
        assert {"mine", "distill", "smoke", "embedded", "bilstm"} <= set(run.tags)
    history = {name for _, found, _ in runs.values() for name in found}
    assert {"val/macro", "val/sst2/accuracy", "train/loss"} <= history
    for name in made:
        _, history, last = runs[name]
        assert "rows_per_second" in history
        assert last["rows_per_second"] > 0
    (summary,) = [found for run, _, found in runs.values() if run.job_type == "summary"]
    (result,) = tmp_path.glob("outputs/runs/*/*/result.json")
    result = json.loads(result.read_text())
    for name, value in flat(result).items():
        assert summary[name] == pytest.approx(value)
    assert summary["macro/student"] == result["macro"]["student"]


@pytest.mark.filterwarnings("ignore")  # of W&B
def test_training_on_plain_text_has_its_runs(tmp_path, monkeypatch):
    words = ["+experiment=mitkd", "scale=smoke", "data.max_rows=64", "data.eval_rows=48"]
    words += ["logger=wandb", "job=student", "baseline=false"]
    assert call(tmp_path, monkeypatch, *words) == 0
    runs, made = runs_of(tmp_path), artifacts_of(tmp_path, "agnostic", "pretrain")
    assert {title.split()[0] for title in made} == {"agnostic", "pretrain"}
    assert {name: runs[name][0].run_id for name in made} == made
    assert all("train/loss" in runs[name][1] for name in made)
