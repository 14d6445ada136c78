"""Stage: of several networks for the same task, the one with the best selection score."""

import json
from pathlib import Path

from kdlight.measure.curves import selection_score
from kdlight.stages.ensemble import link_tree
from kdlight.types import StageSpec


def run(spec: StageSpec) -> None:
    """Links the best network's files, and notes the scores of all in `choice.json`."""
    candidates = {
        role.removeprefix("candidate/"): Path(folder)
        for role, folder in spec.inputs.items()
        if role.startswith("candidate/")
    }
    scores = {name: selection_score(folder) for name, folder in candidates.items()}
    best = max(scores, key=lambda name: scores[name])
    link_tree(candidates[best], Path(spec.out))
    (Path(spec.out) / "choice.json").write_text(json.dumps({"best": best, "scores": scores}))
