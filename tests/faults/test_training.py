"""What goes wrong while networks learn: one sentence, a status, and nothing published."""

import http.server
import shutil
import threading

import pytest
from faults.harness import left_over, mentioning, scores, sentence, wait_until


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    return made


def published(folder, kind):
    found = (folder / "outputs/artifacts" / kind).glob("*")
    return [path for path in sorted(found) if path.is_dir() and path.suffix != ".building"]


@pytest.mark.parametrize(
    ("kind", "overrides", "words"),
    [
        ("teacher", ["teacher.optimizer.lr=1e30"], "lower the learning rate"),
        ("student", ["optimizer.lr=1e30"], "lower the learning rate"),
        # One step, so that no loss is seen behind it: the weights themselves are looked at.
        ("student", ["optimizer.lr=1e30", "trainer.max_steps=1"], "lower the learning rate"),
        ("student", ["loss.logit_mse.weight=1e39"], "The loss of task sst2 is inf"),
        ("teacher_outputs", ["teacher.optimizer.lr=0", "teacher.floor=error"], "commonest answer"),
        ("student", ["data.student_labels=0", "data.unlabelled_rows=0"], "no rows"),
        ("evaluate", ["data.student_labels=0", "job=student"], "no rows with labels"),
        ("teacher", ["data.max_length=2000"], "data.max_length="),
    ],
)
def test_it_is_said_in_one_sentence(nursery, folder, whole, kind, overrides, words):
    """Nothing more of `kind` is published, nor a result written."""
    shutil.copytree(whole.folder, folder, dirs_exist_ok=True)
    before = published(folder, kind)
    command = nursery.start(folder, *whole.overrides, *overrides)
    assert command.wait() == 2, command.said()
    assert words in sentence(command.said())
    assert scores(folder) == whole.scores
    assert published(folder, kind) == before


class ExpiredKey(http.server.BaseHTTPRequestHandler):
    """A W&B that knows nobody."""

    def do_POST(self):
        body = b'{"errors": [{"message": "user is not logged in"}]}'
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_):
        pass


def test_an_expired_wandb_key_stops_nothing(nursery, folder, whole):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), ExpiredKey) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = {
            "WANDB_MODE": "online",
            "WANDB_API_KEY": 40 * "a",
            "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        }
        command = nursery.start(
            folder, *whole.overrides, "logger=wandb", "job=teacher", settings=settings
        )
        status = command.wait()
        server.shutdown()
    assert status == 0, command.said()
    assert "W&B (online)" in command.said()
    assert "Traceback" not in command.said()
    assert scores(folder)[0][0] == whole.scores[0][0]
    assert left_over(folder) == []


def test_wandb_leaves_no_process_behind_a_kill(nursery, folder, whole):
    settings = {"WANDB_MODE": "offline"}
    words = (*whole.overrides, "logger=wandb", "job=teacher")
    command = nursery.start(folder, *words, settings=settings)
    state = "outputs/artifacts/teacher/*.building/checkpoints/last.*.ckpt"
    wait_until(lambda: list(folder.glob(state)), 240, command.said)
    command.kill()
    command.wait()
    wait_until(lambda: not mentioning(f"--pid {command.pid}"), 30)
    again = nursery.start(folder, *words, settings=settings)
    assert again.wait() == 0, again.said()
    assert scores(folder)[0][0] == whole.scores[0][0]
