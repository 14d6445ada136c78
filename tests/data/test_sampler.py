"""Steps as a pure function of their number: exact shares, whole cycles, little padding."""

from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlight.data.mixing import annealed, apportion, proportional, uniform
from kdlight.data.sampler import TaskBatchSampler, like_lengths
from kdlight.types import UserError


def sampler(sizes, batch_size=8, mixing=proportional, seed=0, **options):
    """Rows of 1 to 30 tokens."""
    random = np.random.default_rng(7)
    lengths = {t: random.integers(1, 31, size).astype(np.int32) for t, size in sizes.items()}
    return TaskBatchSampler(lengths, batch_size, mixing, seed, **options)


def steps_of(made, steps):
    return [(task, rows.tolist()) for task, rows in (made.batch(step) for step in steps)]


@pytest.mark.parametrize("mixing", [uniform, proportional])
def test_every_epoch_has_exact_shares_of_one_task_batches(mixing):
    sizes = {"rte": 40, "mrpc": 100, "qqp": 700}
    made = sampler(sizes, mixing=mixing)
    per_epoch = made.steps_per_epoch
    assert per_epoch == 105
    wanted = apportion(mixing(sizes, 0), per_epoch)
    assert wanted == ({"rte": 35, "mrpc": 35, "qqp": 35} if mixing is uniform else
                      {"rte": 5, "mrpc": 13, "qqp": 87})  # fmt: skip
    orders = []
    for epoch in range(3):
        steps = steps_of(made, range(epoch * per_epoch, (epoch + 1) * per_epoch))
        orders.append([task for task, _ in steps])
        assert Counter(orders[-1]) == wanted
        assert all(len(rows) == 8 and 0 <= min(rows) <= max(rows) < sizes[t] for t, rows in steps)
    assert orders[0] != orders[1] != orders[2]


def shares_at_both_ends(made, steps, part):
    """Shares of task `a` in the first and last steps of a run."""
    made.steps = steps
    tasks = [made.batch(step)[0] for step in range(steps)]
    return [ends.count("a") / part for ends in (tasks[:part], tasks[-part:])]


@pytest.mark.parametrize("steps", [100, 400, 3000])
@pytest.mark.parametrize("rows", [80, 8000])
def test_a_mixing_that_changes_ends_where_the_run_ends(steps, rows):
    """However many epochs that is: 1000 steps have the one, 10 the other."""
    made = sampler({"a": rows * 9 // 10, "b": rows // 10}, mixing=partial(annealed, end=0))
    first, last = shares_at_both_ends(made, steps, steps // 20)
    assert first == pytest.approx(0.9, abs=0.11)
    assert last == pytest.approx(0.5, abs=0.11)


def test_a_mixing_that_changes_depends_on_the_step_alone():
    sizes = {"a": 500, "b": 90}
    ours, fresh = (sampler(sizes, mixing=annealed) for _ in range(2))
    ours.steps = fresh.steps = 300
    forward = steps_of(ours, range(300))
    assert steps_of(fresh, range(170, 300)) == forward[170:]
    assert steps_of(fresh, [420]) == steps_of(ours, [420])  # a race may go beyond the run


def test_rows_are_shuffled_once_a_cycle(monkeypatch):
    """Whoever asks for a later step, or an earlier one, gets the same."""
    sizes, shuffled = {"a": 500, "b": 90}, []
    original = np.random.default_rng

    def noted(seed):
        shuffled.extend([tuple(seed)] if seed[1] == 1 else [])
        return original(seed)

    made = sampler(sizes, window=4)
    steps = range(3 * made.steps_per_epoch)
    monkeypatch.setattr(np.random, "default_rng", noted)
    found = steps_of(made, steps)
    monkeypatch.undo()
    assert len(shuffled) == len(set(shuffled)) > 4
    fresh = sampler(sizes, window=4)
    assert [steps_of(fresh, [step])[0] for step in reversed(steps)] == found[::-1]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("steps", [10, 59, 100, 148, 1000])
def test_shares_are_exact_in_a_run_of_any_length(steps, seed):
    """An epoch has 148 steps; a part of one has the shares of a whole."""
    sizes = {"a": 500, "b": 90, "c": 590}
    made = TaskBatchSampler({n: np.ones(c) for n, c in sizes.items()}, 8, proportional, seed)
    made.steps = steps
    found = Counter(made.batch(step)[0] for step in range(steps))
    for name, size in sizes.items():
        assert abs(found[name] - steps * size / 1180) < 1 + steps // 148


def test_a_mixing_that_fails_names_its_key():
    def broken(sizes, done):
        raise ValueError(f"nothing for {len(sizes)} tasks at {done}")

    with pytest.raises(UserError, match="under mixing cannot be used: nothing for 1 tasks at 0"):
        sampler({"a": 9}, mixing=broken).batch(0)


@pytest.mark.parametrize("size", [8, 64, 1600])
def test_every_row_comes_once_a_cycle(size):
    """Sizes that are whole batches; 1600 rows take two windows of 100 batches."""
    made = sampler({"a": size})
    cycles = [
        sorted(
            r for _, rows in steps_of(made, range(c * size // 8, (c + 1) * size // 8)) for r in rows
        )
        for c in range(3)
    ]
    assert cycles == [list(range(size))] * 3


@given(st.integers(1, 150), st.integers(1, 24), st.integers(1, 12))
@settings(max_examples=60)
def test_no_row_is_starved_or_favoured(size, batch_size, window):
    """After n batches of a window's multiple, the counts of rows differ by at most one."""
    made = sampler({"a": size}, batch_size, window=window)
    span = max(1, min(window, size // batch_size))
    seen = Counter(dict.fromkeys(range(size), 0))
    for step in range(4 * span):
        seen.update(made.batch(step)[1].tolist())
    assert sum(seen.values()) == 4 * span * batch_size
    assert max(seen.values()) - min(seen.values()) <= 1


@pytest.mark.parametrize(("size", "batch_size"), [(64, 16), (100, 16), (256, 32), (1000, 64)])
def test_a_batch_of_a_small_task_holds_different_rows(size, batch_size):
    made = sampler({"a": size}, batch_size)
    distinct = [len(set(rows)) for _, rows in steps_of(made, range(100))]
    assert np.mean(distinct) > 0.85 * batch_size


def test_a_task_smaller_than_a_batch_is_cycled():
    made = sampler({"tiny": 3, "big": 300}, mixing=uniform)
    rows = [rows for task, rows in steps_of(made, range(made.steps_per_epoch)) if task == "tiny"]
    assert len(rows) == made.steps_per_epoch // 2
    for number in range(1, len(rows) + 1):
        seen = Counter(row for batch in rows[:number] for row in batch)
        assert max(seen.values()) - min(seen.values()) <= 1


def test_a_step_depends_on_nothing_but_its_number():
    sizes = {"a": 500, "b": 90}
    forward = steps_of(sampler(sizes, window=5), range(200))
    fresh = sampler(sizes, window=5)
    order = np.random.default_rng(1).permutation(200).tolist()
    scattered = dict(zip(order, steps_of(fresh, order), strict=True))
    assert [scattered[step] for step in range(200)] == forward
    assert steps_of(sampler(sizes, window=5), [150]) == [forward[150]]


def test_the_seed_decides_the_order():
    sizes = {"a": 300, "b": 200}
    first, again, other = (steps_of(sampler(sizes, seed=s), range(60)) for s in (3, 3, 4))
    assert first == again
    assert [task for task, _ in first] != [task for task, _ in other]
    assert [r for t, r in first if t == "a"] != [r for t, r in other if t == "a"]


def test_cycles_and_tasks_are_shuffled_apart():
    made = sampler({"a": 200, "b": 200})
    by_task = {"a": [], "b": []}
    for task, rows in steps_of(made, range(100)):
        by_task[task].append(rows)
    assert by_task["a"] != by_task["b"]
    assert by_task["a"][:25] != by_task["a"][25:]


def test_little_of_a_batch_is_padding():
    """7,000 sentences of log-normal length (median 17 words), batches of 64."""
    random = np.random.default_rng(0)
    lengths = np.clip(random.lognormal(2.85, 0.55, 7000), 2, 126).astype(np.int32)
    assert lengths.std() > 8
    made = TaskBatchSampler({"a": lengths}, 64, proportional, seed=0)
    chosen = [lengths[made.batch(step)[1]] for step in range(2 * made.steps_per_epoch)]
    real = sum(part.sum() for part in chosen)
    assert real / sum(64 * part.max() for part in chosen) >= 0.95
    means = [part.mean() for part in chosen[:100]]
    assert abs(np.corrcoef(means, np.arange(100))[0, 1]) < 0.3  # no curriculum from short to long


def test_pairs_are_cut_so_that_both_texts_need_little_padding():
    """Premises and hypotheses whose lengths have little to do with each other."""
    random = np.random.default_rng(0)
    first = np.clip(random.lognormal(3.0, 0.6, 24000), 2, 128)
    second = np.clip(random.lognormal(2.4, 0.4, 24000), 2, 60)
    lengths = np.stack([first, second], axis=1).astype(np.int32)

    def share(window):
        made = TaskBatchSampler({"a": lengths}, 64, proportional, seed=0, window=window)
        chosen = [lengths[made.batch(step)[1]] for step in range(window)]
        return sum(part.sum() for part in chosen) / sum(64 * part.max(0).sum() for part in chosen)

    assert share(350) >= 0.94
    assert share(100) >= 0.88


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_every_row_lies_in_one_batch_of_full_size(count, size, texts, seed):
    lengths = np.random.default_rng(seed).integers(1, 50, (count * size, texts))
    batches = like_lengths(lengths, size)
    assert [len(part) for part in batches] == [size] * count
    assert sorted(np.concatenate(batches).tolist()) == list(range(count * size))
    if texts == 1:
        edges = [(lengths[part].min(), lengths[part].max()) for part in batches]
        assert all(left[1] <= right[0] for left, right in pairwise(edges))
