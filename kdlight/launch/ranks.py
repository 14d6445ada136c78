"""Starts all ranks of a stage through torchrun, and waits for them."""

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import asdict

from kdlight.artifacts.place import Place
from kdlight.launch.environment import clean
from kdlight.launch.errors import StageError
from kdlight.types import StageSpec, UserError

log = logging.getLogger("kdlight")
# Lines of the ranks that begin so are shown; the rest goes to the log file.
MARK = "[kdlight] "
WORKER_LOG = "worker.log"


def run_ranks(spec: StageSpec, place: Place, devices: int) -> None:
    """Runs the stage on `devices` ranks of this machine.

    The ranks inherit no rank variables, see only their stage, and end when this process ends.

    Raises:
        UserError: what a rank refused.
        StageError: if a rank failed otherwise; names the log file.
    """
    working = place.building / "checkpoints"
    working.mkdir(exist_ok=True)
    spec_file, error_file = working / "spec.json", working / "error.json"
    error_file.unlink(missing_ok=True)
    spec_file.write_text(json.dumps(asdict(spec)))
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nnodes", "1", "--nproc-per-node", str(devices), "--max-restarts", "0"),
        *("-m", "kdlight.launch.worker", str(spec_file), str(place.workers_lock)),
    ]
    threads = max(1, len(os.sched_getaffinity(0)) // devices)
    environment = clean(os.environ) | {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "KDLIGHT_PLANNER": str(os.getpid()),
    }
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as agent:
        try:
            _show(agent, working)
        except BaseException:
            agent.send_signal(signal.SIGTERM)
            raise
    if agent.returncode:
        if error_file.exists():
            raise UserError(json.loads(error_file.read_text())["message"])
        raise StageError(f"{spec.runtime['title']} failed; see {working / WORKER_LOG}")


def workers_gone(place: Place) -> None:
    """Waits until no worker of an earlier, killed build is alive."""
    with place.workers_lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _show(agent: subprocess.Popen, working: "os.PathLike[str]") -> None:
    """Keeps what the ranks print, and passes on what is meant for the user."""
    assert agent.stdout is not None
    with open(os.path.join(working, WORKER_LOG), "a") as file:
        for line in agent.stdout:
            file.write(line)
            file.flush()
            if line.startswith(MARK):
                log.info("%s", line.removeprefix(MARK).rstrip())
