"""Stage: scores one network on the evaluation rows and keeps its predictions."""

import json
from pathlib import Path

from kdlight.data.encoded import EncodedRows
from kdlight.measure.parameters import parameters
from kdlight.methods.fit import device_of
from kdlight.methods.scoring import scoring
from kdlight.models.build import load_student, load_teacher
from kdlight.types import StageSpec


def run(spec: StageSpec) -> None:
    """Writes `<task>.jsonl` (id, gold, output) and `scores.json` (scores, parameters).

    On one device, each row once, so that no row is counted twice however training ran. Of a span
    task the output is the answer's text, else logits. Of a task with more than one evaluation set
    (`more_eval`), the metrics on the others are called `<metric>_<set>`, and the predictions hold
    the rows of all, each with its `set` (empty for the first).
    """
    config, out = spec.config, Path(spec.out)
    load = {"teacher": load_teacher, "student": load_student}[config["role"]]
    device = device_of(spec.runtime)
    model = load(Path(spec.inputs["model"])).to(device)
    scores: dict[str, dict[str, float]] = {}
    for task, about in config["tasks"].items():
        more = config.get("more_eval", {}).get(task, [])
        scores[task] = {}
        with (out / f"{task}.jsonl").open("w") as file:
            for ending in ("", *(f"_{name}" for name in more)):
                rows = EncodedRows(Path(spec.inputs[f"tokens/{task}"]) / f"eval{ending}", task)
                found, lines = scoring(about).evaluate(model, about, rows, device)
                scores[task] |= {f"{metric}{ending}": value for metric, value in found.items()}
                for example, gold, output in lines:
                    line = {"id": example.id, "gold": gold, "output": output}
                    line |= {"set": ending[1:]} if more else {}
                    file.write(json.dumps(line) + "\n")
    result = {"scores": scores, "parameters": parameters(model)}
    (out / "scores.json").write_text(json.dumps(result, indent=1))
