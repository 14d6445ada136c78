"""Run folders whose right numbers are known."""

import json

import numpy as np
import yaml

ROWS = 400


def made_run(folder, seed, student=0.9, baseline=0.7, rows=7, **config):
    """A run on one task of two classes, with about so many rows right."""
    gold = np.random.default_rng(rows).integers(0, 2, ROWS)
    random = np.random.default_rng([7, seed])

    def outputs(share):
        right = random.random(ROWS) < share
        decided = np.where(right, gold, 1 - gold)
        return np.eye(2)[decided] + 0.1 * random.random((ROWS, 2))

    networks = {
        "teacher": outputs(0.95),
        "student": outputs(student),
        "baseline": outputs(baseline),
    }
    networks["slow_kl"] = outputs(student)
    folder.mkdir(parents=True)
    (folder / "predictions").mkdir()
    with (folder / "predictions/sst2.jsonl").open("w") as file:
        for n in range(ROWS):
            line = {"id": f"dev-{n}", "gold": int(gold[n])}
            line |= {name: values[n].tolist() for name, values in networks.items()}
            file.write(json.dumps(line) + "\n")
    scores = {
        name: {"sst2": {"accuracy": 100 * float((values.argmax(1) == gold).mean())}}
        for name, values in networks.items()
    }
    size = {"params": 12, "params_without_embeddings": 5, "size_bytes": 48}
    result = {
        "experiment": "kd_bilstm", "method": "distill", "scale": "lite", "seed": seed,
        "split": "dev", "data_source": "files", "selection": "train_split",
        "command": f"python -m kdlight.run +experiment=kd_bilstm seed={seed}",
        "git_commit": "abc", "versions": {"torch": "2"}, "hardware": {"cpu": "x & y"},
        "teacher": {"name": "<big>", **size, "params_without_embeddings": 50,
                    "scores": scores["teacher"]},
        "student": {"name": "bilstm", **size, "scores": scores["student"],
                    "agreement": {"sst2": 91.0}},
        "baseline": {"scores": scores["baseline"], "agreement": {}},
        "variants": {"slow_kl": {"scores": scores["slow_kl"], **size, "agreement": {}}},
        "latency": {"batch_size": 1, "length": 32, "device": "cpu", "teacher_ms": 20.0,
                    "student_ms": 2.0, "speedup": 10.0, "more": []},
        "flops": {"teacher": 1000, "student": 10},
        "wall_s": {"teacher sst2": 600.0, "student sst2 (student)": 60.0 * seed,
                   "evaluate teacher sst2": 5.0},
        "train_s": {"teacher": 600.0, "student": 60.0 * seed},
        "predictions": {"sst2": "predictions/sst2.jsonl"},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text(yaml.safe_dump({"seed": seed, "lr": 1.0, **config}))
    curves = "network,step,metric,value\nstudent,0,val/macro,50\nstudent,9,val/macro,90\n"
    (folder / "metrics.csv").write_text(curves)
    return result
