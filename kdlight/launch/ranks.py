"""Starts all ranks of a stage through torchrun, and waits for them."""

import fcntl
import json
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from kdlight.artifacts.place import Place
from kdlight.launch.environment import clean
from kdlight.launch.errors import StageError
from kdlight.launch.sweep.job import IN_SWEEP
from kdlight.launch.worker import REFUSED
from kdlight.measure.channel import FACTS, channel
from kdlight.types import StageSpec, UserError

log = logging.getLogger("kdlight")
# Lines of the ranks that begin so are shown; the rest goes to the log file.
MARK = "[kdlight] "
WORKER_LOG = "worker.log"


@dataclass(frozen=True)
class Ranks:
    """How many ranks, and where.

    Args:
        devices: ranks of each machine.
        nodes: machines.
        on_every_node: the command that runs what follows it once on each machine, such as
            `srun --ntasks-per-node=1`; only for several.
    """

    devices: int
    nodes: int = 1
    on_every_node: str | None = None

    @property
    def count(self) -> int:
        """Of all ranks."""
        return self.devices * self.nodes

    def torchrun(self) -> list[str]:
        """The command up to the module that every rank runs."""
        words = [sys.executable, "-m", "torch.distributed.run", "--max-restarts", "0"]
        words += ["--nnodes", str(self.nodes), "--nproc-per-node", str(self.devices)]
        if self.nodes == 1:
            return [*words, "--standalone"]
        here = f"{socket.gethostname()}:{_free_port()}"
        meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", here, "--rdzv-id", here]
        return [*shlex.split(self.on_every_node or ""), *words, *meeting]


def _threads(ranks: int) -> str:
    """Of each rank here: what the user has set for a process, else a part of the job's share."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given and IN_SWEEP not in os.environ:
        return given
    share = int(given) if given.isdecimal() else len(os.sched_getaffinity(0))
    return str(max(1, share // ranks))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


def run_ranks(spec: StageSpec, place: Place, ranks: Ranks) -> None:
    """Runs the stage on all ranks, of this machine or of several that share its files.

    The ranks inherit no rank variables, see only their stage, and end when this process ends.

    Raises:
        UserError: what a rank refused.
        StageError: if a rank failed otherwise; names the log file.
    """
    place.working.mkdir(exist_ok=True)
    spec_file, worker_log = place.working / "spec.json", place.working / WORKER_LOG
    spec_file.write_text(json.dumps(asdict(spec)))
    planner = f"{socket.gethostname()}:{os.getpid()}"
    worker = ["-m", "kdlight.launch.worker", str(spec_file), str(place.workers_lock), planner]
    command = [*ranks.torchrun(), *worker]
    environment = clean(os.environ) | {"OMP_NUM_THREADS": _threads(ranks.devices)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as agent:
        try:
            refused = _show(agent, worker_log)
        except BaseException:
            agent.send_signal(signal.SIGTERM)
            raise
    if refused:
        raise UserError(refused)
    if agent.returncode:
        raise StageError(f"{spec.runtime['title']} failed; see {worker_log}")


def workers_gone(place: Place) -> None:
    """Waits until no worker of an earlier, killed build is alive."""
    with place.workers_lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _show(agent: subprocess.Popen, worker_log: Path) -> str | None:
    """Keeps what the ranks print, passes on what is meant for the user; why one refused."""
    assert agent.stdout is not None
    refused = None
    with worker_log.open("a") as file:
        for line in agent.stdout:
            if line.startswith(REFUSED):
                refused = refused or str(json.loads(line.removeprefix(REFUSED)))
                continue
            if line.startswith(FACTS):
                channel().tell(**json.loads(line.removeprefix(FACTS)))
                continue
            file.write(line)
            file.flush()
            if line.startswith(MARK):
                log.info("%s", line.removeprefix(MARK).rstrip())
    return refused
