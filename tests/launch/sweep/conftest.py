"""Jobs of a sweep that are small scripts in place of `python -m kdlight.run`."""

import json
import sys
from pathlib import Path

import pytest

from kdlight.launch.sweep import job
from kdlight.launch.sweep.job import SweepJob

SCRIPT = """#!{python}
import json, os, signal, sys, time
from pathlib import Path
from types import SimpleNamespace
sys.path.insert(0, {root!r})
words = dict(word.split("=", 1) for word in sys.argv if "=" in word)
out = Path(words["hydra.run.dir"].strip("'"))
log = Path(words["log"])
from kdlight.measure.channel import channel
def note(what):
    with log.open("a") as file:
        seen = {{k: os.environ.get(k) for k in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "RANK")}}
        fact = {{"job": words["n"], "what": what, "time": time.monotonic(), "pid": os.getpid()}}
        fact["event"] = words["n"] + "-" + what
        file.write(json.dumps({{**fact, **seen}}) + "\\n")
def stopped(*_):
    note("stopped")
    time.sleep(float(words.get("stubborn", 0)))
    sys.exit(2)
signal.signal(signal.SIGTERM, stopped)
note("starts")
channel().tell(stage="works", share=0.5, best=81.25)
channel().tell(network="works", score=81.25, step=7)
if "begun" in words:
    sys.modules["torch"] = SimpleNamespace(cuda=SimpleNamespace(is_initialized=lambda: True))
if "lends" in words:
    channel().lend()
    note("lends")
    while not Path(words["lends"]).exists():
        time.sleep(0.01)
    channel().take_back()
    note("is back")
while "after" in words and words["after"] not in log.read_text():
    time.sleep(0.01)
time.sleep(float(words.get("sleep", 0)))
if words.get("fails"):
    print("Traceback: something broke")
    print("ValueError: " + words["fails"])
    sys.exit(1)
macro = {{"student": float(words["n"])}}
(out / "result.json").write_text(json.dumps({{"macro": macro, "selection_macro": macro}}))
if "makes" in words:
    Path(words["makes"]).touch()
note("ends")
"""


class World:
    def __init__(self, folder: Path):
        self.folder, self.log = folder, folder / "log"

    def job(self, number: int, **words) -> SweepJob:
        overrides = [f"n={number}", f"log={self.log}", *(f"{k}={v}" for k, v in words.items())]
        return SweepJob(number, overrides, self.folder / "sweep" / str(number))

    def notes(self, what=None) -> list[dict]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines]
        return [note for note in found if what in (None, note["what"])]

    def order(self) -> list[str]:
        return [f"{note['job']} {note['what']}" for note in self.notes()]


@pytest.fixture
def world(tmp_path, monkeypatch):
    script = tmp_path / "job"
    root = str(Path(__file__).parents[3])
    script.write_text(SCRIPT.format(python=sys.executable, root=root))
    script.chmod(0o755)
    monkeypatch.setattr(job, "PYTHON", str(script))
    return World(tmp_path)
