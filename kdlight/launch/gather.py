"""What a job's artifacts say of its networks, gathered for `result.json`."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kdlight.launch import result
from kdlight.launch.graph import Node
from kdlight.launch.teachers import Group


def quality(
    config: Mapping[str, Any],
    tasks: Iterable[str],
    folders: Mapping[str, list[Path]],
    out: Path,
    groups: Mapping[str, list[str]],
    taught_by: Mapping[str, str],
) -> dict[str, Any]:
    """Scores, agreement, macro and retention; predictions of all networks side by side.

    Args:
        config: of the job.
        tasks: their names.
        folders: of the evaluations, by network.
        out: the run folder.
        groups: tasks whose macro is told apart. Then all networks of an arm are one body, each
            after its own fine-tuning, and its size is that of one of them.
        taught_by: the network that is an arm's teacher, where it is not `teacher`; with a teacher
            that is not scored, which is none of them, an arm has no agreement.
    """
    merge = result.one_body if groups else result.merge_scores
    scores = {name: merge(found) for name, found in folders.items()}
    agreement, files = _predictions(tasks, folders, out, taught_by)
    macros = {name: result.macro(found[0]) for name, found in scores.items()}
    teacher = scores.get("teacher")
    student = scores.get("student")
    shape = config["teacher"]["shape"] or {}
    small = "{num_hidden_layers}x{hidden_size} {model_type}, trained on the spot"
    name = config["teacher"]["pretrained"] or small.format(**shape)
    main = ("teacher", "student", "baseline")
    return {
        "teacher": teacher and {"name": name, **teacher[1], "scores": teacher[0]},
        "student": student
        and {
            "name": config["student_name"],
            **student[1],
            "scores": student[0],
            "agreement": agreement.get("student", {}),
        },
        "baseline": {
            "scores": scores["baseline"][0],
            "agreement": agreement.get("baseline", {}),
        }
        if "baseline" in scores
        else None,
        "variants": {
            arm: {
                "scores": found[0],
                "macro": macros[arm],
                **found[1],
                "agreement": agreement.get(arm, {}),
            }
            for arm, found in scores.items()
            if arm not in main
        },
        "macro": {arm: macros.get(arm) for arm in main},
        **({"groups": _by_group(scores, groups)} if groups else {}),
        "retention": _retention(scores),
        "predictions": files,
    }


def _retention(scores: Mapping[str, tuple[result.Scores, Any]]) -> float | None:
    """The student's macro over its teacher's, on the tasks that the student has learnt."""
    if "student" not in scores or not scores.get("teacher"):
        return None
    own, teacher = scores["student"][0], scores["teacher"][0]
    theirs = {task: teacher[task] for task in own if task in teacher}
    if len(theirs) < len(own) or not (whole := result.macro(theirs)):
        return None
    return result.macro(own) / whole


def _by_group(
    scores: Mapping[str, tuple[result.Scores, Any]], groups: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The tasks of each group, and the macro over them of every network that has learnt them."""
    return {
        group: {
            "tasks": tasks,
            "macro": {
                name: result.macro({task: found[task] for task in tasks})
                if found.keys() >= set(tasks)
                else None
                for name, (found, _) in scores.items()
            },
        }
        for group, tasks in groups.items()
    }


def _predictions(
    tasks: Iterable[str],
    folders: Mapping[str, list[Path]],
    run: Path,
    taught_by: Mapping[str, str],
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    agreement: dict[str, dict[str, float]] = {}
    files = {}
    for task in tasks:
        parts = {
            name: path
            for name, found in folders.items()
            for folder in found
            if (path := folder / f"{task}.jsonl").exists()
        }
        if not parts:
            continue
        out = run / "predictions" / f"{task}.jsonl"
        out.parent.mkdir(exist_ok=True)
        outputs = result.join_predictions(parts, out)
        files[task] = str(out.relative_to(run))
        for name, values in outputs.items():
            teacher = taught_by.get(name, "teacher")
            if name != "teacher" and teacher in outputs:
                alike = result.agreement(outputs[teacher], values)
                agreement.setdefault(name, {})[task] = alike
    return agreement, files


def rates(
    networks: Mapping[str, Mapping[Group, Node]], folder: Callable[[Node], Path]
) -> dict[str, Any]:
    """The learning rate that was chosen for each network and task; nothing without a search.

    Args:
        networks: by name and tasks.
        folder: gives that of an artifact.
    """
    found: dict[str, dict[str, float]] = {}
    for name, by_group in networks.items():
        for group, node in by_group.items():
            for best in (node, node.parents.get("start")):  # or what a refined one starts from
                if best is not None and best.kind == "best":
                    choice = json.loads((folder(best) / "choice.json").read_text())
                    found.setdefault(name, {}).update(dict.fromkeys(group, float(choice["best"])))
    return {"rates": found} if found else {}


def cost(folders: Mapping[Group, Path]) -> dict[str, Any]:
    """Latency, operations and benchmarks; of several networks the first, the others in `more`.

    Args:
        folders: of latencies or benchmarks, by the tasks of a network.
    """
    if not folders:
        return {"latency": None, "flops": None}
    cases, flops = [], None
    for group, folder in folders.items():
        found = json.loads((folder / "latency.json").read_text())
        flops = flops or found["flops"]
        place = {"task": "+".join(group), "length": found["length"], "device": found["device"]}
        cases += [case | place for case in found["latency"]]
    measured = {
        "+".join(group): json.loads((folder / "benchmark.json").read_text())
        for group, folder in folders.items()
        if (folder / "benchmark.json").exists()
    }
    found = {"latency": {**cases[0], "more": cases[1:]}, "flops": flops}
    return found | ({"benchmark": measured} if measured else {})
