"""Stage: of several networks for the same task, the one with the best selection score."""

import json
from pathlib import Path

from kdlight.measure.curves import selection_score
from kdlight.stages.ensemble import link_tree
from kdlight.stages.student import DIVERGED
from kdlight.types import StageSpec, UserError


def run(spec: StageSpec) -> None:
    """Links the best network's files, and notes the scores of all in `choice.json`.

    Of those that diverged the score is null.

    Raises:
        UserError: if all have.
    """
    candidates = {
        role.removeprefix("candidate/"): Path(folder)
        for role, folder in spec.inputs.items()
        if role.startswith("candidate/")
    }
    whole = {name: at for name, at in candidates.items() if not (at / DIVERGED).exists()}
    if not whole:
        reason = json.loads((next(iter(candidates.values())) / DIVERGED).read_text())["reason"]
        rates = ", ".join(candidates)
        raise UserError(f"{spec.runtime['title']}: it diverged at all rates ({rates}). {reason}")
    scores = {name: selection_score(folder) for name, folder in whole.items()}
    best = max(scores, key=lambda name: scores[name])
    link_tree(whole[best], Path(spec.out))
    every = dict.fromkeys(candidates) | scores
    (Path(spec.out) / "choice.json").write_text(json.dumps({"best": best, "scores": every}))
