"""The arms of a job."""

import pytest

from kdlight.launch.arms import arms
from kdlight.types import UserError

DISTILL = {"name": "distill", "learns_from": "teacher", "joint": False, "module": {"a": 1}}
MAIN = {
    "teacher": {"joint": False, "seed": 0},
    "student": {"encoder": {"hidden": 150, "dropout": 0.1}},
    "augmentation": {"seed": 0, "n_iter": 18, "mask": {"probability": 0.1}},
    "loss": {"logit_mse": {"weight": 1.0}},
    "method": DISTILL,
    "mixing": {},
    "optimizer": {"lr": 1e-3},
    "schedule": {},
    "trainer": {"max_steps": 5},
}


def of(baseline=True, **variants):
    tasks = {"sst2": {}, "rte": {}}
    return arms({**MAIN, "task": tasks, "baseline": baseline, "variants": variants})


def test_the_method_itself_and_its_baseline():
    found = of()
    assert list(found) == ["student", "baseline"]
    assert found["student"] == MAIN
    gold = {**DISTILL, "learns_from": "gold"}
    assert found["baseline"] == {**MAIN, "method": gold}
    assert list(of(baseline=False)) == ["student"]


def test_a_variant_changes_keys_and_names_its_losses_anew():
    found = of(
        wide={"student": {"encoder": {"hidden": 300}}, "optimizer": {"lr": 1.0}},
        soft={"loss": {"soft_kl": {"temperature": 2}}},
        plain={"augmentation": {"n_iter": 0}},
    )
    assert found["wide"] == {
        **MAIN,
        "student": {"encoder": {"hidden": 300, "dropout": 0.1}},
        "optimizer": {"lr": 1.0},
    }
    assert found["soft"] == {**MAIN, "loss": {"soft_kl": {"temperature": 2}}}
    assert found["plain"]["augmentation"] == {**MAIN["augmentation"], "n_iter": 0}
    assert found["student"] == MAIN


@pytest.mark.parametrize(
    ("teacher", "origin"),
    [
        ({"pretrained": None}, "random"),
        ({"pretrained": "DIR"}, "pretrained"),
        ({"pretrained": {"sst2": "DIR", "rte": "DIR"}}, "pretrained"),
        ({"pretrained": {"sst2": "DIR", "rte": "OTHER"}}, "random"),
        ({"pretrained": None, "pretrain": {"max_steps": 5}}, "teacher"),
    ],
)
@pytest.mark.parametrize(("part", "key"), [("start", "from"), ("embeddings", "start")])
def test_where_nothing_is_taught_no_teacher_is_trained_to_start_from(teacher, origin, part, key):
    main = {**MAIN, "teacher": teacher, "student": {part: {key: "teacher"}}, "task": {}}
    gold = {**main, "method": {"learns_from": "gold"}, "baseline": True, "variants": {}}
    assert arms(gold)["student"]["student"] == {part: {key: origin}}
    taught = arms({**main, "baseline": True, "variants": {}})
    assert taught["baseline"]["student"] == {part: {key: "teacher"}}


def test_a_variant_may_have_other_teachers():
    found = of(single={"teacher": {"joint": True}}, gold={"method": {"learns_from": "gold"}})
    assert found["single"] == {**MAIN, "teacher": {"joint": True, "seed": 0}}
    assert found["gold"] == found["baseline"]


def test_what_is_no_part_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"variants\.x\.losses.*did you mean loss"):
        of(x={"losses": {}})


def test_gold_alone_has_no_variants_that_differ_in_the_loss_only():
    alone = {**MAIN, "method": {**DISTILL, "learns_from": "gold"}, "baseline": True}
    variants = {"soft": {"loss": {}}, "wide": {"optimizer": {"lr": 2}}}
    assert list(arms({**alone, "task": {}, "variants": variants})) == ["student", "wide"]


def test_one_task_after_another_is_left_out():
    found = of(without={"method": {"leave_out": "each"}, "optimizer": {"lr": 2}})
    assert list(found) == ["student", "baseline", "without_sst2", "without_rte"]
    assert found["without_rte"]["method"]["leave_out"] == ["rte"]
    assert found["without_rte"]["optimizer"]["lr"] == 2


@pytest.mark.parametrize(
    "name", ["teacher", "student", "baseline", "soft_teacher", "a/b", "", "-a"]
)
def test_a_name_of_another_network_or_of_no_file_is_refused(name):
    variants = {name: {"optimizer": {"lr": 1.0}}}
    with pytest.raises(UserError, match=rf"variants\.{name}"):
        arms({**MAIN, "task": {}, "baseline": True, "variants": variants})


def test_devices_are_the_jobs():
    with pytest.raises(UserError, match=r"variants\.x\.trainer\.devices.*set trainer\.devices="):
        of(x={"trainer": {"devices": 2}})


def test_layers_to_start_from_are_for_a_transformer():
    main = {**MAIN, "student": {"embeddings": {"start": "teacher"}}}
    start = {"student": {"start": {"from": "random"}}}
    config = {**main, "task": {}, "baseline": True, "variants": {"x": start}}
    with pytest.raises(UserError, match=r"mkd_embeddings"):
        arms(config)
    start["student"]["embeddings"] = None  # another kind of student
    assert arms(config)["x"]["student"] == start["student"]
