"""Optuna's search: what is drawn, pruned, resumed and refused."""

import fcntl
import json
from math import nan
from socket import gethostname

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from kdlight.launch.sweep import search as search_module
from kdlight.launch.sweep.schedule import Schedule
from kdlight.launch.sweep.search import Search, read_objectives, value_of
from kdlight.launch.sweep.shares import Share
from kdlight.launch.sweep.space import chosen, first_trial, space
from kdlight.launch.sweep.study import best, open_study
from kdlight.types import UserError

TWO = [Share((), 1), Share((), 1)]
KEY = "selection_macro.student"
OBJECTIVE = {KEY: "maximize"}


def drawn(*words):
    return space(OverridesParser.create().parse_overrides(list(words)))


def test_hydras_sweeps_become_distributions():
    assert drawn("a.b=interval(0,1.5)", "c=1") == {"a.b": FloatDistribution(0, 1.5)}
    assert drawn("a=tag(log,interval(1e-4,1e-2))") == {"a": FloatDistribution(1e-4, 1e-2, log=True)}
    assert drawn("a=int(tag(log,interval(32,300)))") == {"a": IntDistribution(32, 300, log=True)}
    assert drawn("a=range(1,8,2)") == {"a": IntDistribution(1, 7, step=2)}
    assert drawn("a=range(0.5,2,0.5)") == {"a": FloatDistribution(0.5, 1.5, step=0.5)}
    found = drawn("loss=[soft_kl],[hard,logit_mse]", "student=choice(bilstm,transformer3)")
    assert found["loss"] == CategoricalDistribution(["[soft_kl]", "[hard,logit_mse]"])
    assert found["student"] == CategoricalDistribution(["bilstm", "transformer3"])
    with pytest.raises(UserError, match="needs values to choose from"):
        drawn("a=1")
    assert chosen({"a": 0.00123456789, "b": 3, "c": "[x]"}) == ["a=0.00123457", "b=3", "c=[x]"]


def test_each_choice_is_possible_beside_some_of_the_others():
    distributions = drawn("a=1,2", "b=x,y", "c=interval(0,1)")
    planned = []

    def plan(words):
        planned.append(words)
        if words[:2] in (["a=1", "b=x"], ["a=2", "b=y"]):
            raise UserError(f"{words[0]} does not go with {words[1]}")
        return len(planned)

    assert first_trial(plan, distributions) == 2
    assert [words[:2] for words in planned[1:]] == [["a=1", "b=y"], ["a=2", "b=x"]]

    def refuse(words):
        if "b=y" in words:
            raise UserError("never y")

    with pytest.raises(UserError, match="never y"):
        first_trial(refuse, distributions)
    assert first_trial(list, drawn("c=interval(0.5,1)")) == ["c=0.5"]


def test_of_many_combinations_a_choice_that_goes_with_some_passes():
    """Whether it is found among those tried, or none of these tells."""
    many = ["rate=1,2,3,4,5", "heat=1,2,3,4,5"]

    def plan(words, pairs):
        if "loss=hidden" in words and not all(pair in words for pair in pairs):
            raise UserError("hidden does not go with that")
        return words

    with_many = drawn("student=bilstm,transformer3", "loss=hard,hidden", *many)
    assert first_trial(lambda w: plan(w, ["student=transformer3"]), with_many)[1] == "loss=hard"
    rare = ["student=transformer3", "rate=4", "heat=5"]
    assert first_trial(lambda w: plan(w, rare), with_many)[1] == "loss=hard"
    with pytest.raises(UserError, match="does not go"):
        first_trial(lambda w: plan(["loss=hidden", *w], rare), drawn(*many))


def test_what_is_reported_chooses_nothing():
    found = read_objectives(["maximize selection_macro.student", "minimize latency.student_ms"])
    assert found == {"selection_macro.student": "maximize", "latency.student_ms": "minimize"}
    with pytest.raises(UserError, match=r"selection_macro\.student is the same"):
        read_objectives(["maximize macro.student"])
    with pytest.raises(UserError, match="'up macro' is not"):
        read_objectives(["up macro"])
    with pytest.raises(UserError, match="leaves nothing to search for"):
        read_objectives([])
    with pytest.raises(UserError, match=r"no number called flops\.students"):
        value_of({"flops": {"student": 3}}, "flops.students")


def study(folder, objectives=OBJECTIVE, pruner=None, **more):
    sampler = optuna.samplers.RandomSampler(seed=1)
    where = more.get("storage", f"sqlite:///{folder / 'search.db'}")
    return open_study(where, "demo", objectives, sampler, pruner, more.get("about", "a search"))


def search(world, study, limit, objectives=OBJECTIVE, title=lambda *_: "works", **words):
    """Trials of the small job: its number is its score."""
    distributions = {"x": FloatDistribution(0, 1)}
    made = Search(study, distributions, list(objectives), [], world.folder / "sweep", limit, title)
    job_of = made._job

    def job(trial):
        found = job_of(trial)
        extra = {key: value(found.number) for key, value in words.items()}
        found.overrides[:0] = world.job(found.number, **extra).overrides
        return found

    made._job = job
    return made


def run(found):
    Schedule(found, TWO, []).run()
    return [job.state for job in found.jobs]


def test_trials_are_told_what_came_of_them(world):
    known = study(world.folder)
    found = search(world, known, 5, fails=lambda n: "boom" if n == 1 else "")
    assert run(found) == ["done", "failed", "done", "done", "done"]
    assert [t.state for t in known.trials].count(TrialState.COMPLETE) == 4
    assert known.trials[1].state == TrialState.FAIL
    (top,) = best(known, [KEY])
    assert (top["trial"], top["values"]) == (4, {KEY: 4.0})
    assert top["overrides"] == chosen(known.trials[4].params)
    # Again: only what has failed is tried once more.
    again = search(world, study(world.folder), 5)
    assert run(again) == ["done"]
    assert run(search(world, study(world.folder), 5)) == []


def test_an_objective_that_is_no_number_fails_its_trial_alone(world):
    known = study(world.folder)
    found = search(world, known, 3)
    values = found._values
    found._values = lambda job: [nan] if job.number == 1 else values(job)
    assert run(found) == ["done", "failed", "done"]
    assert known.trials[1].state == TrialState.FAIL
    assert found.jobs[1].last_lines() == [f"an objective is no number: {{'{KEY}': nan}}"]
    assert best(known, [KEY])[0]["trial"] == 2


def test_a_bad_trial_is_pruned_by_what_its_job_tells(world):
    """The small job tells a score; a threshold no score reaches stops it."""
    pruner = optuna.pruners.ThresholdPruner(lower=90)
    known = study(world.folder, pruner=pruner)
    forgotten = []
    found = search(world, known, 2, sleep=lambda _: 30)
    found._forget = lambda overrides, number: forgotten.append((overrides[-1], number))
    assert run(found) == ["pruned", "pruned"]
    assert sorted(forgotten, key=lambda each: each[1]) == [
        (f"x={trial.params['x']:.6g}", trial.number) for trial in known.trials
    ]
    assert {t.state for t in known.trials} == {TrialState.PRUNED}
    assert known.trials[0].intermediate_values == {7: 81.25}
    # Scores of another network are not its own, nor is every objective such a score.
    for number, (title, objectives) in enumerate([
        ("another", OBJECTIVE), (None, OBJECTIVE), ("works", {KEY: "minimize"}),
    ]):  # fmt: skip
        other = study(world.folder, objectives, pruner, storage=f"{world.folder}/{number}.log")
        assert run(search(world, other, 1, objectives, lambda *_, t=title: t)) == ["done"]


def test_without_a_pruner_nothing_is_stopped(tmp_path):
    """Optuna's own default is its median pruner."""
    known = study(tmp_path, pruner=None)
    assert isinstance(known.pruner, optuna.pruners.NopPruner)


def test_a_search_goes_on_with_the_trials_it_was_stopped_in(world):
    known = study(world.folder)
    stopped = search(world, known, 2)
    jobs = [stopped.next(), stopped.next()]
    assert stopped.next() is None
    went_on = search(world, study(world.folder), 3)
    assert run(went_on) == ["done"] * 3
    assert [job.number for job in went_on.jobs] == [0, 1, 2]
    assert went_on.jobs[0].overrides[-1] == jobs[0].overrides[-1]


def test_a_trial_that_has_ended_untold_is_not_done_again(world):
    known = study(world.folder)
    job = search(world, known, 1).next()
    result = {"selection_macro": {"student": 91.0}}
    (job.folder / "result.json").write_text(json.dumps(result))
    assert run(search(world, study(world.folder), 1)) == ["done"]
    assert not world.notes("starts")
    assert study(world.folder).best_value == 91.0


def test_trials_of_a_folder_where_nobody_works_have_failed(world):
    known = study(world.folder)
    gone, busy = world.folder / "gone", world.folder / "busy"
    for folder in (gone, busy):
        folder.mkdir()
        trial = known.ask({"x": FloatDistribution(0, 1)})
        trial.set_user_attr("folder", str(folder))
        trial.set_user_attr("host", gethostname())
    with (busy / "sweep.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(search(world, study(world.folder), 2)) == ["done"]
    states = [trial.state for trial in study(world.folder).trials]
    assert states == [TrialState.FAIL, TrialState.RUNNING, TrialState.COMPLETE]


def test_the_trials_of_another_machine_are_left_to_it(world, monkeypatch, caplog):
    """Its folder is on a disk that this one does not see, or at the same path on this disk."""
    storage = f"sqlite:///{world.folder / 'shared.db'}"
    theirs = search(world, study(world.folder, storage=storage), 3)
    with monkeypatch.context() as patch:
        patch.setattr(search_module, "gethostname", lambda: "another")
        jobs = [theirs.next(), theirs.next()]
    jobs[0].folder.rmdir()
    here = study(world.folder, storage=storage)
    ours = search(world, here, 3)
    assert [trial.number for trial in ours._interrupted] == [1]
    assert here.trials[0].state == TrialState.RUNNING
    # Given up by somebody all the same: what came of it is lost, and nothing else.
    here.tell(0, state=TrialState.FAIL)
    assert not theirs.heard(jobs[0], {"network": "works", "score": 1.0, "step": 1})
    jobs[0].folder.mkdir()
    (jobs[0].folder / "result.json").write_text('{"selection_macro": {"student": 91.0}}')
    jobs[0].state = "done"
    theirs.ended(jobs[0])
    assert "Trial 0 counts as fail: another command gave it up" in caplog.text
    assert run(ours) == ["done"] * 3


def test_nobody_draws_what_was_drawn_before(world):
    """By an interrupted search, or on another machine: all start from the same seed."""

    def draws(storage, *limits):
        known = [study(world.folder, storage=f"{world.folder}/{storage}.log") for _ in limits]
        for one, limit in zip(known, limits, strict=True):
            found = search(world, one, limit)
            while job := found.next():
                found.study.tell(job.number, 1.0)
        return [trial.params["x"] for trial in known[-1].trials]

    alone = draws("a", 4)
    assert draws("b", 4) == alone
    resumed = draws("c", 2, 4)
    assert resumed[:2] == alone[:2]
    assert len(set(resumed)) == 4


def test_two_searches_need_two_names(world):
    study(world.folder)
    study(world.folder)
    with pytest.raises(UserError, match=r"other settings, .* hydra\.sweeper\.study=NAME"):
        study(world.folder, about="another search")


def test_a_trial_that_cannot_be_is_left_out(world, caplog):
    def refuse_odd(_, number):
        if number % 2:
            raise UserError(f"{number} is odd")
        return "works"

    found = search(world, study(world.folder), 4, title=refuse_odd)
    assert run(found) == ["done", "failed", "done", "failed"]
    assert found.jobs[1].last_lines() == ["1 is odd"]
    assert "Trial 3 is left out: 3 is odd" in caplog.text

    def refuse(*_):
        raise UserError("never")

    with pytest.raises(UserError, match="never"):
        run(search(world, study(world.folder / "sweep"), 9, title=refuse))


def test_the_front_of_two_objectives(world):
    objectives = {KEY: "maximize", "cost": "minimize"}
    known = study(world.folder, objectives)
    for score, cost in ((1, 1), (2, 2), (1, 3), (3, 9)):
        trial = known.ask({"x": FloatDistribution(0, 1)})
        trial.set_user_attr("overrides", [])
        known.tell(trial, [score, cost])
    assert [found["trial"] for found in best(known, list(objectives))] == [0, 1, 3]
    with pytest.raises(UserError, match=r"has the objectives .* hydra\.sweeper\.study=NAME"):
        study(world.folder)


def test_storages(tmp_path):
    journal = study(tmp_path, storage=str(tmp_path / "journal.log"))
    journal.add_trial(optuna.trial.create_trial(value=1.0))
    assert len(study(tmp_path, storage=str(tmp_path / "journal.log")).trials) == 1
    with pytest.raises(UserError, match=r"hydra\.sweeper\.storage=nodb://x: "):
        study(tmp_path, storage="nodb://x")
