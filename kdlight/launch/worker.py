"""One rank of a stage: `python -m kdlight.launch.worker SPEC LOCK`; never plans, never locks."""

import fcntl
import importlib
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path

from kdlight.launch.prepare import prepare
from kdlight.types import StageSpec, UserError


def main(spec_file: str, lock_file: str) -> int:
    """Runs the stage; 3 if it refused, with the sentence left for the planner."""
    logging.basicConfig(format="[kdlight] %(message)s", stream=sys.stdout, level=logging.WARNING)
    logging.getLogger("kdlight").setLevel(logging.INFO if _rank() == 0 else logging.WARNING)
    prepare()
    threading.Thread(target=_follow_planner, daemon=True).start()
    spec = StageSpec(**json.loads(Path(spec_file).read_text()))
    with open(lock_file, "a") as alive:
        # Tells a later planner, should this one be killed, that the folder is still in use.
        fcntl.flock(alive, fcntl.LOCK_SH)
        try:
            importlib.import_module(f"kdlight.stages.{spec.kind}").run(spec)
        except UserError as error:
            message = Path(spec_file).with_name("error.json")
            message.write_text(json.dumps({"message": str(error)}))
            return 3
    return 0


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _follow_planner() -> None:
    """Ends this process when the planner is gone."""
    planner = int(os.environ["KDLIGHT_PLANNER"])
    while True:
        try:
            os.kill(planner, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
