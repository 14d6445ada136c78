"""A helper: `python -m kdlight.launch.helper`; it plans a job, builds for it and writes no result.

The job's configuration is the first line that it reads; where there is no more to be read, the
process that has started it is gone.
"""

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from kdlight.launch.execute import WAITS
from kdlight.launch.prepare import prepare
from kdlight.launch.ranks import MARK
from kdlight.launch.stop import Stop
from kdlight.launch.worker import leave

log = logging.getLogger("kdlight")


def main() -> int:
    """Builds what no other process is at; 2 if it was stopped."""
    logging.basicConfig(format=f"{MARK}%(message)s", stream=sys.stdout, level=logging.WARNING)
    prepare()
    with Stop() as stop:
        try:
            config = json.loads(sys.stdin.readline())
            threading.Thread(target=_follow, daemon=True).start()
            _help(config)
        except BaseException:
            if not stop.asked:
                raise
            return 2
    return 0


def _help(config: dict) -> None:
    from kdlight.launch.job import Job

    log.setLevel(logging.ERROR)  # the process that it helps says the same of the plan
    log.addFilter(lambda record: record.msg != WAITS)
    job = Job(config, Path(), helps=True)
    log.setLevel(logging.INFO)
    job.run()


def _follow() -> None:
    """Stops this process, in order, when the one that it helps is gone."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    leave(main())
