"""The sentences below a job's closing tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from kdlight.measure.meter import duration
from kdlight.report.names import network_name

PUBLISHED = 100_000  # updates of a distillation on plain text, at least


def remarks(found: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """What a result says beside its scores, in sentences."""
    lines = []
    if found["retention"] is not None:
        lines.append(f"The student keeps {found['retention']:.1%} of its teacher's score.")
    if found["teacher"] and found["student"]:
        teacher, student = (found[n]["params_without_embeddings"] for n in ("teacher", "student"))
        lines.append(
            f"Parameters without embeddings: teacher {teacher:,}, student {student:,}, "
            + (f"{teacher / student:.1f}x fewer." if student < teacher else "no fewer.")
        )
    if latency := found["latency"]:
        lines += [
            f"Latency, {case['task']}, batch {case['batch_size']} x {case['length']} tokens, "
            f"{'one thread' if case['device'] == 'cpu' else case['device']}: "
            f"teacher {case['teacher_ms']:.2f} ms, student {case['student_ms']:.2f} ms, "
            f"{case['speedup']:.1f}x as fast."
            for case in (latency, *latency["more"])
        ]
    lines += [*_rates(found), *_length(found, config)]
    built = {k: v for k, v in found["wall_s"].items() if k not in found["reused"]}
    whole = sum(built.values())
    long = [f"{name} {duration(s)}" for name, s in built.items() if s >= max(1, whole / 25)]
    taken = duration(whole)
    if found["processes"] > 1:
        taken = f"{duration(found['elapsed_s'])}, {taken} of work by {found['processes']} processes"
    lines.append(
        f"Built in {taken}{', most of it by ' + ', '.join(long) if long else ''}; "
        f"{len(found['reused'])} artifacts were there already."
    )
    return "\n".join(lines)


def _rates(found: Mapping[str, Any]) -> Iterator[str]:
    """The learning rates that a search has chosen, a line a network."""
    for name, chosen in found.get("rates", {}).items():
        tasks = {rate: [t for t in chosen if chosen[t] == rate] for rate in chosen.values()}
        said = "; ".join(f"{rate:g} for {', '.join(tasks[rate])}" for rate in sorted(tasks))
        yield f"Learning rate of {network_name(name, found)}: {said}."


def _length(found: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """What so short a distillation cannot say; embedded data says nothing of that kind anyway."""
    on_text = config["method"]["learns_from"] == "text"
    if not on_text or found["data_source"] == "embedded" or not found["variants"]:
        return
    if (steps := config["method"]["text"]["max_steps"]) < PUBLISHED / 2:
        yield (
            f"The distillation made {steps:,} updates, the published one {PUBLISHED:,} or more: "
            "which teacher is better, this length cannot say."
        )
