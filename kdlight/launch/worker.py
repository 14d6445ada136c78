"""A rank: `python -m kdlight.launch.worker SPEC LOCK PLANNER`; it never plans, never locks."""

import fcntl
import importlib
import json
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from kdlight.launch.errors import mistake
from kdlight.launch.prepare import prepare
from kdlight.measure.channel import tell_planner
from kdlight.types import StageSpec

REFUSED = "[kdlight-refused] "  # begins the line with the sentence for the planner


def main(spec_file: str, lock_file: str, planner: str) -> int:
    """Runs the stage; 3 if it ended for a reason its user can mend.

    Args:
        spec_file: of the stage.
        lock_file: is held while this process lives.
        planner: `host:pid` of the process whose end is this one's.
    """
    logging.basicConfig(format="[kdlight] %(message)s", stream=sys.stdout, level=logging.WARNING)
    logging.getLogger("kdlight").setLevel(logging.INFO if _rank() == 0 else logging.WARNING)
    prepare()
    if _rank() == 0:
        tell_planner()
    threading.Thread(target=_follow_planner, args=(planner,), daemon=True).start()
    spec = StageSpec(**json.loads(Path(spec_file).read_text()))
    with open(lock_file, "a") as alive:
        # Tells a later planner, should this one be killed, that the folder is still in use.
        fcntl.flock(alive, fcntl.LOCK_SH)
        try:
            importlib.import_module(f"kdlight.stages.{spec.kind}").run(spec)
        except Exception as error:
            if (sentence := mistake(error, spec.out)) is None:
                raise
            print(REFUSED + json.dumps(sentence), flush=True)
            return 3
    return 0


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _follow_planner(whom: str) -> None:
    """Ends this process when the planner is gone, or what it started the ranks through."""
    (host, planner), agent = whom.rsplit(":", 1), os.getppid()
    here = host == socket.gethostname()  # on other machines the agent alone is followed
    while os.getppid() == agent:
        try:
            if here:
                os.kill(int(planner), 0)
        except ProcessLookupError:
            break
        time.sleep(0.5)
    os._exit(1)


def leave(status: int) -> NoReturn:
    """Ends this process at once.

    Its work is done and written by now; where Python takes everything down, the threads that ranks
    talk through may end it by a signal, and the stage would count as failed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))
