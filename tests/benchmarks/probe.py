"""Runs one stage, `python probe.py SPEC`, and prints the most memory it held, in bytes.

Counted is memory of its own (`RssAnon`), looked at every two milliseconds: pages of mapped files
are the system's cache, which grows with the files as long as there is room and is given up when
there is not.
"""

import importlib
import json
import sys
import threading
import time
from pathlib import Path

from kdlight.launch.prepare import prepare
from kdlight.types import StageSpec

STATUS = Path("/proc/self/status")
most = [0]


def look():
    while True:
        lines = STATUS.read_text().splitlines()
        own = next(line for line in lines if line.startswith("RssAnon"))
        most[0] = max(most[0], 1024 * int(own.split()[1]))
        time.sleep(0.002)


if __name__ == "__main__":
    prepare()
    threading.Thread(target=look, daemon=True).start()
    spec = StageSpec(**json.loads(Path(sys.argv[1]).read_text()))
    importlib.import_module(f"kdlight.stages.{spec.kind}").run(spec)
    print(most[0])
