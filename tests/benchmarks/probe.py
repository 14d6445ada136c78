"""Runs one stage, `python probe.py SPEC`, and prints the most memory it held, in bytes."""

import importlib
import json
import sys
from pathlib import Path

from kdlight.launch.prepare import prepare
from kdlight.types import StageSpec

if __name__ == "__main__":
    prepare()
    spec = StageSpec(**json.loads(Path(sys.argv[1]).read_text()))
    importlib.import_module(f"kdlight.stages.{spec.kind}").run(spec)
    from kdlight.measure.memory import peak_bytes

    print(peak_bytes())
