"""What a job says at its end."""

import json

import pytest
import yaml

from kdlight.launch.table import closing


@pytest.fixture
def said(smoke, capsys):
    """A function: what is said of a finished job, some of its fields changed."""
    folder = sorted(smoke.glob("outputs/runs/*/*"))[0]
    found = json.loads((folder / "result.json").read_text())
    config = yaml.safe_load((folder / "config.yaml").read_text())

    def say(method=None, **changed):
        closing({**found, **changed}, {**config, "method": method or config["method"]}, folder)
        return " ".join(capsys.readouterr().out.split())

    return say, found


def test_scores_and_retention_are_those_of_the_result(said):
    say, found = said
    told = say()
    for name in ("teacher", "student", "baseline"):
        assert f"{found['macro'][name]:.1f}" in told
    assert f"keeps {found['retention']:.1%} of its teacher's score" in told
    assert f"teacher {found['teacher']['params_without_embeddings']:,}, student" in told


def test_a_student_that_is_not_smaller_is_not_said_to_be(said):
    say, found = said
    small, large = ({**found[n], "params_without_embeddings": 100} for n in ("student", "teacher"))
    large["params_without_embeddings"] = 50
    assert "teacher 50, student 100, no fewer." in say(student=small, teacher=large)
    large["params_without_embeddings"] = 250
    assert "teacher 250, student 100, 2.5x fewer." in say(student=small, teacher=large)


def test_a_mean_over_fewer_tasks_is_left_out(said):
    say, found = said
    more = {"rte": {"accuracy": 51.0}}
    student, baseline = (
        {**found[name], "scores": {**found[name]["scores"], **more}}
        for name in ("student", "baseline")
    )
    fewer = {**found["student"], "macro": 12.34}
    told = say(student=student, baseline=baseline, variants={"without_rte": fewer})
    assert "without rte" in told
    assert "12.3" not in told
    assert f"{found['macro']['teacher']:.1f}" in told
    assert "12.3" in say(variants={"kl": fewer})


def test_groups_of_tasks_stand_side_by_side(said):
    """A task's several scores count as one."""
    say, found = said
    groups = {"in_domain": {"tasks": ["a", "b"]}, "low_resource_16": {"tasks": ["c"]}}
    scores = {"a": {"accuracy": 50.0}, "b": {"f1": 70.0, "accuracy": 60.0}, "c": {"f1": 91.0}}
    lower = {task: {name: x - 8 for name, x in of.items()} for task, of in scores.items()}
    networks = {"student": scores, "baseline": lower, "teacher": scores}
    changed = {name: {**found[name], "scores": of} for name, of in networks.items()}
    told = say(groups=groups, **changed)
    assert "in-domain (2) ┃ low-resource-16 (1) ┃ all ┃" in told
    for name, title, cells in (
        ("student", "student, distilled", "57.5 │ 91.0"),
        ("baseline", "student, gold only", "49.5 │ 83.0"),
        ("teacher", "teacher", "57.5 │ 91.0"),
    ):
        assert f"│ {title} │ {cells} │ {found['macro'][name]:.1f} │" in told


def test_a_group_that_a_network_has_not_learnt_is_left_empty(said):
    say, found = said
    groups = {"in_domain": {"tasks": list(found["teacher"]["scores"])}}
    short = {**found["student"], "scores": {}, "macro": 12.34, "agreement": {}}
    told = say(groups=groups, variants={"without_all": short})
    assert "in-domain" in told
    assert "12.3" not in told


def test_many_tasks_have_a_line_each(said):
    """None is cut off for want of room."""
    say, found = said
    names = [f"a_task_with_a_long_name_{number}" for number in range(6)]
    scores = {name: {"f1": 50.0 + n, "accuracy": 60.0 + n} for n, name in enumerate(names)}
    networks = {name: {**found[name], "scores": scores} for name in ("student", "baseline")}
    told = say(**networks, teacher=None, retention=None)
    for n, name in enumerate(names):
        assert f"│ {name} (embedded) │ {50 + n}.0 / {60 + n}.0 │ {50 + n}.0 / {60 + n}.0 │" in told
    assert "│ student, distilled │ " + f"{found['macro']['student']:.1f} │" in told


def test_only_long_stages_are_named_among_the_times(said):
    say, _ = said
    told = say(
        wall_s={"teacher sst2": 80.0, "tokens": 2.0, "student": 118.0, "old": 9.0}, reused=["old"]
    )
    assert (
        "Built in 3 min 20 s, most of it by teacher sst2 1 min 20 s, student 1 min 58 s; 1 art"
        in told
    )
    assert "Built in 0 s; 1 artifacts" in say(wall_s={"old": 9.0}, reused=["old"])
    told = say(wall_s={"teacher": 90.0}, reused=[], processes=2, elapsed_s=60.0)
    assert "Built in 1 min 0 s, 1 min 30 s of work by 2 processes, most of it by teacher" in told


def test_the_command_for_real_data_asks_for_plain_text_where_it_is_needed(said):
    say, _ = said
    told = say()
    assert "data.corpus" not in told
    assert "data.root=DIR 'task=[sst2]' teacher.pretrained=" in told
    told = say({"learns_from": "text"})
    assert "MODEL_FOLDER_OR_HUB_NAME 'data.corpus=[TEXT_FILES]'" in told
    assert "data.root=DIR teacher.pretrained=" in told  # the scale has tasks of three groups


def test_the_rates_that_were_chosen_are_told(said):
    say, _ = said
    rates = {"student": {"a": 1e-3, "b": 2e-5, "c": 1e-3}, "baseline": {"a": 0.01}}
    told = say(rates=rates)
    assert "Learning rate of student, distilled: 2e-05 for b; 0.001 for a, c." in told
    assert "Learning rate of student, gold only: 0.01 for a." in told
    assert "Learning rate" not in say()


@pytest.mark.parametrize(
    ("steps", "source", "variants", "told"),
    [
        (800, "files", True, True),
        (49_999, "hub", True, True),
        (50_000, "files", True, False),
        (800, "embedded", True, False),  # says so at its start
        (800, "files", False, False),  # there is one teacher
    ],
)
def test_what_a_short_distillation_cannot_say(steps, source, variants, told, said):
    say, found = said
    method = {"learns_from": "text", "text": {"max_steps": steps}}
    others = {"plain": {**found["student"], "macro": 50.0}} if variants else {}
    sentence = (
        f"The distillation made {steps:,} updates, the published one 100,000 or more: which "
        "teacher is better, this length cannot say."
    )
    assert (sentence in say(method, data_source=source, variants=others)) == told
    assert "updates" not in say(data_source=source, variants=others)
