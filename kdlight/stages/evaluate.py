"""Stage: scores one network on the evaluation rows and keeps its predictions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from kdlight.data.encoded import EncodedRows
from kdlight.data.rows import read_rows
from kdlight.measure.parameters import parameters
from kdlight.methods.fit import device_of
from kdlight.methods.predict import predict
from kdlight.metrics.scores import TaskScores
from kdlight.models.build import load_student, load_teacher
from kdlight.types import StageSpec


def run(spec: StageSpec) -> None:
    """Writes `<task>.jsonl` (id, gold, output) and `scores.json` (scores, parameters).

    On one device, each row once, so that no row is counted twice however training ran. Of a
    task with more than one evaluation set (`more_eval`), the metrics on the others are called
    `<metric>_<set>`, and the predictions hold the rows of all.
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
                outputs = predict(model, rows, device)
                found = _scores(about, outputs, rows)
                scores[task] |= {f"{metric}{ending}": value for metric, value in found.items()}
                examples = read_rows(Path(spec.inputs[f"rows/{task}"]) / f"eval{ending}.arrow")
                for example, output in zip(examples, outputs.tolist(), strict=True):
                    gold = example.label if about["num_outputs"] == 1 else int(example.label or 0)
                    line = {"id": example.id, "gold": gold, "output": output}
                    file.write(json.dumps(line) + "\n")
    result = {"scores": scores, "parameters": parameters(model)}
    (out / "scores.json").write_text(json.dumps(result, indent=1))


def _scores(about: Mapping[str, Any], outputs: torch.Tensor, rows: EncodedRows) -> dict[str, float]:
    metric = TaskScores(about["metrics"], about["num_outputs"], across_ranks=False)
    metric.update(outputs, torch.from_numpy(rows.labels[:]))
    return metric.compute()
