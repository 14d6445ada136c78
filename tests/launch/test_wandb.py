"""W&B against a service that goes away: the work is done, and what to type is said."""

import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading

import pytest
import wandb
from commands import SMOKE, call, plain, results, share

from kdlight.launch import wandb_runs
from kdlight.launch.wandb_account import mode
from kdlight.launch.wandb_runs import WandbRuns
from kdlight.methods import tracking
from kdlight.methods.tracking import end_run, start_run

# Of W&B, which writes in processes of its own.
pytestmark = pytest.mark.filterwarnings("ignore")
ENTITY = {"id": "e", "name": "team"}
BUCKET = {"id": "b", "project": {"id": "p", "name": "kdlight", "entity": ENTITY}}
FILES = {"runID": "b", "uploadHeaders": [], "files": []}
ANSWERS = {
    "upsertBucket": {"bucket": BUCKET, "inserted": True},
    "createRunFiles": FILES,
}


class Service(http.server.ThreadingHTTPServer):
    """As much of W&B as a run needs; gone as soon as the first numbers of a run arrive.

    Args:
        mortal: whether it goes.
    """

    daemon_threads = True

    def __init__(self, mortal):
        super().__init__(("127.0.0.1", 0), Answer)
        self.mortal, self.sent, self.gone = mortal, [], threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def go(self):
        self.gone.set()
        self.shutdown()
        self.server_close()  # from now on connections are refused


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = {}
        if self.path.endswith("/file_stream"):
            self.server.sent.append(content)
            if self.server.mortal:
                self.server.go()
                return
        elif self.path == "/graphql":
            query = json.loads(content)["query"]
            found = {"data": {name: a for name, a in ANSWERS.items() if name in query}}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch):
    """`service(mortal)`: starts one, of which W&B is told."""
    monkeypatch.setattr(tracking, "_lost", False)
    made = []

    def start(mortal):
        made.append(Service(mortal))
        monkeypatch.setenv("WANDB_MODE", "online")
        monkeypatch.setenv("WANDB_API_KEY", 40 * "a")
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{made[0].server_port}")
        wandb.teardown()  # it has read its settings once, before
        return made[0]

    yield start
    for server in made:
        if not server.gone.is_set():
            server.go()
    wandb.teardown()


def test_a_network_that_dies_in_mid_run(smoke, service, tmp_path, monkeypatch, capfd):
    """While the student trains; its end waits for a while, the job's summary no more."""
    share(smoke, tmp_path)
    gone = service(mortal=True).gone
    monkeypatch.setattr(tracking, "END_S", 1.0)
    words = ["logger=wandb", "baseline=false", "seed=5"]
    assert call(tmp_path, monkeypatch, *SMOKE, *words) == 0
    assert gone.is_set()
    said = capfd.readouterr().err
    assert "Traceback" not in said
    (found,) = results(tmp_path)
    assert found["student"]["scores"]["sst2"]["accuracy"] > 0
    folders = re.findall(r"to upload: wandb sync (?:--include-online )?(\S+)", said)
    assert [re.sub(r"\d{8}_\d{6}.*", "", folder) for folder in folders] == [
        "outputs/wandb/run-",  # the student's: begun online
        "outputs/wandb/offline-run-",  # the job's
    ]
    for folder in folders:
        assert list((tmp_path / folder).glob("*.wandb"))


def test_a_network_that_lives(service, tmp_path, capfd):
    """The same service, were it not to go: everything is sent, and nothing is said."""
    server = service(mortal=False)
    run = start_run({"id": "alive", "project": "kdlight", "dir": str(tmp_path), "mode": "online"})
    run.log({"val/macro": 81.25})
    end_run(run)
    assert b"81.25" in b"".join(server.sent)
    assert "W&B" not in capfd.readouterr().err


def test_w_and_b_that_breaks_in_mid_run_stops_nothing(monkeypatch, caplog):
    """Its own process may end: logging then raises."""
    from kdlight.methods.wandb_logger import ForgivingWandbLogger

    monkeypatch.setattr(tracking, "_lost", False)

    class Broken:
        name, dir, config, calls = "night", "somewhere/files", {}, 0

        def log(self, _):
            self.calls += 1
            raise ConnectionResetError("Connection lost")

        def finish(self, **_):
            raise ConnectionResetError("Connection lost")

        def define_metric(self, *_, **__):
            pass

    run = Broken()
    logger = ForgivingWandbLogger(run)
    for step in range(3):
        logger.log_metrics({"loss": 1.0}, step)
    logger.end(failed=False)
    assert run.calls == 1
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "W&B (log): Connection lost",
        "W&B (end): Connection lost",
        "W&B: not all of night was sent; to upload: wandb sync somewhere",
    ]


def test_settings_that_w_and_b_refuses_stop_nothing(monkeypatch, caplog):
    def refuse(**_):
        raise ValueError("Extra inputs are not permitted")

    monkeypatch.setattr(tracking, "_lost", False)
    monkeypatch.setattr(wandb, "Settings", refuse)
    monkeypatch.setattr(wandb, "teardown", lambda: None)
    assert start_run({"mode": "online"}) is None
    assert caplog.messages == [
        "W&B (online): Extra inputs are not permitted",
        "W&B (offline): Extra inputs are not permitted",
    ]


@pytest.mark.parametrize("kind", ["run", "offline-run"])
def test_what_is_said_to_upload_does(kind, tmp_path, monkeypatch, caplog):
    """`wandb sync` takes the run, whether it began online or not."""
    monkeypatch.setattr(tracking, "_lost", False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / f"my outputs/wandb/{kind}-20260101_010101-abc"
    (folder / "files").mkdir(parents=True)
    (folder / "run-abc.wandb").touch()

    class Lost:
        name, dir = "night", str(folder / "files")

        def finish(self, **_):
            raise ConnectionResetError("Connection lost")

    end_run(Lost())
    words = shlex.split(caplog.messages[-1].split("to upload: wandb ")[1])
    found = subprocess.run(
        [sys.executable, "-m", "wandb", *words, "--dry-run"], capture_output=True, text=True,
        env={**os.environ, "HOME": str(tmp_path)}, check=True,
    )  # fmt: skip
    assert "Would sync 1 run" in found.stdout + found.stderr


def test_the_run_of_a_job_is_that_of_its_folder(tmp_path, monkeypatch):
    """The same after a restart; never that of another folder of the same name."""
    made = []
    monkeypatch.setattr(wandb_runs, "start_run", lambda arguments: made.append(arguments["id"]))
    config = plain("logger=wandb") | {"student_name": "bilstm", "outputs": str(tmp_path)}
    for place in ("a/night/0", "b/night/0", "a/night/0"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        WandbRuns(config, tmp_path / place).summary({}, tmp_path / place)
    assert made[0] == made[2] != made[1]


def test_where_a_key_is_looked_for(tmp_path, monkeypatch):
    """Where W&B does: in the file that NETRC names, for the service of WANDB_BASE_URL."""
    settings = {"logger": {"wandb": {"mode": None}}, "name": "x"}

    def found(**variables):
        for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(tmp_path)
        for name, value in {"HOME": tmp_path, **variables}.items():
            monkeypatch.setenv(name, str(value))
        return WandbRuns(settings, tmp_path).mode

    there, ours = tmp_path / "there", "http://wandb.example:8080"
    there.write_text("machine wandb.example:8080 login user password secret\n")
    assert found() == "offline"
    assert found(NETRC=there) == "offline"
    assert found(NETRC=there, WANDB_BASE_URL=ours) == "online"
    there.rename(tmp_path / ".netrc")
    assert found(WANDB_BASE_URL=f"{ours}/") == "online"
    assert found(WANDB_API_KEY="secret") == "online"


def test_what_w_and_b_has_noted_itself_counts(tmp_path, monkeypatch):
    """`wandb login --host` and `wandb offline` write settings: this folder's before the user's."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".netrc").write_text("machine wandb.example:8080 login user password secret\n")
    assert mode(None) == "offline"
    for folder in (".config/wandb", "elsewhere", "wandb"):
        (tmp_path / folder).mkdir(parents=True)
    ours = "[default]\nbase_url = http://wandb.example:8080\n"
    (tmp_path / ".config/wandb/settings").write_text(ours)
    assert mode(None) == "online"
    assert mode("offline") == "offline"
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "elsewhere"))
    assert mode(None) == "offline"
    (tmp_path / "elsewhere/settings").write_text(ours)
    assert mode(None) == "online"
    (tmp_path / "wandb/settings").write_text("[default]\nmode = offline\n")
    assert mode(None) == "offline"
    (tmp_path / "wandb/settings").write_text("not a section")
    assert mode(None) == "online"


def test_a_mode_that_is_typed_is_stronger_than_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert mode(None) == "offline"
    assert mode("disabled") == "disabled"
    monkeypatch.setenv("WANDB_MODE", "dryrun")
    assert mode(None) == "offline"


def test_without_a_key_it_is_said_how_to_sync(smoke, tmp_path, monkeypatch, capfd):
    share(smoke, tmp_path, without=())
    monkeypatch.setenv("HOME", str(tmp_path))  # no netrc
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert call(tmp_path, monkeypatch, *SMOKE, "logger=wandb") == 0
    said = capfd.readouterr().err
    assert "W&B is offline (no key); to upload: wandb sync outputs/wandb/offline-run-*" in said
    assert list(tmp_path.glob("outputs/wandb/offline-run-*/*.wandb"))
