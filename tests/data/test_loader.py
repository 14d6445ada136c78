"""Loaders: equal parts for the ranks, each row once in evaluation, resumable training."""

import numpy as np
import pytest
import torch

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.loader import EvalLoader, TrainLoader
from kdlight.data.mixing import proportional
from kdlight.data.sampler import TaskBatchSampler
from kdlight.types import UserError

READS = frozenset({"texts"})


@pytest.fixture
def rows(encode, sentences):
    return {t: encode(sentences(n, seed=n), task=t) for t, n in (("a", 50), ("b", 30))}


def loader(rows, rank=0, world_size=1, steps=20, subsets=None):
    subsets = subsets or {task: np.arange(len(part)) for task, part in rows.items()}
    lengths = {task: part.lengths[subsets[task]] for task, part in rows.items()}
    sampler = TaskBatchSampler(lengths, 8, proportional, seed=5)
    return TrainLoader(rows, subsets, sampler, steps, READS, rank, world_size)


def numbers(batches):
    return [(batch.task, batch.rows.tolist()) for batch in batches]


@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_share_each_batch_equally(rows, world_size):
    whole = list(loader(rows))
    parts = [list(loader(rows, rank, world_size)) for rank in range(world_size)]
    for step, batch in enumerate(whole):
        shares = [part[step] for part in parts]
        assert {share.task for share in shares} == {batch.task}
        assert {len(share) for share in shares} == {8 // world_size}
        together = torch.cat([share.rows for share in shares])
        assert sorted(together.tolist()) == sorted(batch.rows.tolist())


def test_batches_hold_the_rows_they_name(rows):
    for batch in loader(rows, steps=5):
        again = rows[batch.task].batch(batch.rows.numpy(), READS)
        assert torch.equal(batch.ids, again.ids)
        assert torch.equal(batch.texts[0].input_ids, again.texts[0].input_ids)


def test_a_subset_is_all_that_is_drawn(rows):
    subsets = {"a": np.array([3, 8, 11, 20, 31]), "b": np.arange(10, 30)}
    drawn = {"a": set(), "b": set()}
    for task, chosen in numbers(loader(rows, steps=30, subsets=subsets)):
        drawn[task] |= set(chosen)
    assert drawn == {task: set(part.tolist()) for task, part in subsets.items()}


def test_a_resumed_loader_goes_on_with_the_same_batches(rows):
    whole = numbers(loader(rows))
    assert len(whole) == len(loader(rows)) == 20
    stopped = loader(rows)
    begun = iter(stopped)
    head = numbers(next(begun) for _ in range(7))
    resumed = loader(rows)
    resumed.load_state_dict(stopped.state_dict())
    assert head + numbers(resumed) == whole


@pytest.mark.parametrize(("world_size", "most"), [(1, 8), (2, 4), (3, 3)])
def test_evaluation_sees_every_row_once(rows, world_size, most):
    """50 rows in batches of 7: the last batch of a single process holds one row."""
    loaders = [EvalLoader(rows["a"], 7, READS, rank, world_size) for rank in range(world_size)]
    batches = [batch for part in loaders for batch in part]
    assert sorted(torch.cat([b.rows for b in batches]).tolist()) == list(range(50))
    assert [len(part) for part in loaders] == [sum(1 for _ in part) for part in loaders]
    assert max(len(batch) for batch in batches) == 7
    assert max(len(part) for part in loaders) == most


@pytest.mark.parametrize("count", [2, 3, 8, 9, 10, 17, 50])
@pytest.mark.parametrize("size", [2, 4, 7])
def test_all_ranks_evaluate_as_many_batches(encode, sentences, count, size):
    """A divided network would else wait for ever for a rank that is done."""
    rows = encode(sentences(count))
    loaders = [EvalLoader(rows, size, READS, rank, 2) for rank in range(2)]
    assert len({len(part) for part in loaders}) == 1
    parts = [batch.rows for part in loaders for batch in part]
    assert sorted(torch.cat(parts).tolist()) == list(range(count))
    assert all(len(part) for part in parts)


def test_fewer_rows_than_ranks_are_refused(encode, sentences):
    rows = encode(sentences(3), task="tiny")
    for rank in range(4):  # all of them, so that none waits
        with pytest.raises(UserError, match=r"tiny has 3 rows .* the 4 ranks: .*trainer.devices"):
            EvalLoader(rows, 8, READS, rank, 4)


def test_evaluation_goes_from_long_to_short(rows):
    longest = [int(b.texts[0].lengths.max()) for b in EvalLoader(rows["a"], 7, READS)]
    assert longest == sorted(longest, reverse=True)
    assert longest[0] > longest[-1]


def test_the_data_module_leaves_out_unlabelled_rows_when_told(encode, sentences):
    from dataclasses import replace

    examples = sentences(24)
    examples[5:] = [replace(example, label=None) for example in examples[5:]]
    train = {"a": encode(examples, task="a")}
    labelled, everything = (
        TaskDataModule(train, train, proportional, 4, 0, READS, labelled_only=only)
        for only in (True, False)
    )
    seen = {row for _, rows in numbers(labelled.train_dataloader()) for row in rows}
    assert seen == set(range(5))
    assert labelled.steps == 2
    assert everything.steps == 6
    seen = {row for _, rows in numbers(everything.train_dataloader()) for row in rows}
    assert seen == set(range(24))
    assert [len(b) for b in everything.val_dataloader()[0]] == [8, 8, 8]
