"""Ratios of speed, each taken in one run; `python -m pytest tests/benchmarks -m benchmark -n 0 -s`.

One thread and processor time where that is possible, so that the noise of a shared machine counts
little; see `world.py` for the data.
"""

import time
from collections import deque
from statistics import median

import numpy as np
import pytest
import torch
from benchmarks.reference import ReferenceBiLSTM, forward, training
from benchmarks.textbrewer_loop import Classifier, PackedBiLSTM, loader, train
from benchmarks.world import make_rows
from transformers import BertConfig, BertModel

from kdlight.data.encoded import EncodedRows
from kdlight.data.mixing import proportional
from kdlight.data.sampler import TaskBatchSampler
from kdlight.measure.padding import real_share
from kdlight.measure.race import Paused, race, ratio
from kdlight.models.pretrained import PretrainedEncoder
from kdlight.stages.student import WINDOW
from kdlight.stages.teacher_outputs import fill, like_batches
from kdlight.teachers.store import open_for_filling

pytestmark = pytest.mark.benchmark
BLOCK, ROUNDS = 20, 12
STEPS = BLOCK * (ROUNDS + 1)


def report(*words):
    print("\n ", *words, flush=True)


def test_a_step_costs_what_the_fastest_bare_loop_costs(world):
    student = ReferenceBiLSTM(*world.shape())
    contenders = {
        "kdlight": world.kdlight("step", STEPS, BLOCK),
        "bare": training(student, world.ready(STEPS), BLOCK),
    }
    times = race(contenders, ROUNDS, clock=time.process_time)
    deque(contenders["kdlight"], maxlen=0)
    rates = {name: world.batch_size * BLOCK / median(t) for name, t in times.items()}
    found = ratio(times, "kdlight", "bare")
    report(f"step: {found:.3f} of the bare loop ({rates} rows/s)")
    assert found <= 1.05


def test_the_store_costs_little_more_than_no_teacher(world):
    contenders = {
        "store": world.kdlight("stored", STEPS, BLOCK),
        "gold": world.kdlight("gold", STEPS, BLOCK, gold=True),
    }
    times = race(contenders, ROUNDS, clock=time.process_time)
    for contender in contenders.values():
        deque(contender, maxlen=0)
    report(f"epoch from the store: {ratio(times, 'store', 'gold'):.3f} of the one without teacher")
    assert ratio(times, "store", "gold") <= 1.10


def test_the_store_is_filled_at_the_speed_of_the_bare_forward_pass(world, tmp_path):
    rows, model = world.rows, world.teacher
    order = np.argsort(rows.lengths, kind="stable")[::-1]
    batches = like_batches(rows.lengths, order, 2048)
    batches = [batches[i] for i in np.linspace(0, len(batches) - 1, 2 * (ROUNDS + 1)).astype(int)]
    ready = [rows.batch(batch, model.reads).joint for batch in batches]
    plain = [(text.input_ids, text.mask.long()) for text in ready]
    store = open_for_filling(tmp_path / "store", rows, 2)

    def filled():
        for start in range(0, len(batches), 2):
            deque(fill(store, model, rows, batches[start : start + 2], "cpu"), maxlen=0)
            yield

    contenders = {"kdlight": filled(), "bare": forward(model.encoder.model, plain, 2)}
    times = race(contenders, ROUNDS, clock=time.process_time)
    report(f"filling: {ratio(times, 'kdlight', 'bare'):.3f} of the bare forward pass")
    assert ratio(times, "kdlight", "bare") <= 1.10


@pytest.mark.parametrize("dropout", [0.1, 0.0])
@pytest.mark.parametrize(("length", "rows"), [(32, 32), (128, 8)])
def test_plain_attention_trains_faster_than_fused(dropout, length, rows):
    """`PretrainedEncoder.attend_plainly`, 4 layers of 312 in bf16."""

    def steps(plain):
        dropouts = ("hidden_dropout_prob", "attention_probs_dropout_prob")
        config = BertConfig(
            vocab_size=1000,
            hidden_size=312,
            num_hidden_layers=4,
            num_attention_heads=12,
            intermediate_size=1200,
            **dict.fromkeys(dropouts, dropout),
        )
        encoder = PretrainedEncoder(BertModel(config, add_pooling_layer=False), "mean").train()
        if plain:
            encoder.attend_plainly()
        ids, mask = torch.randint(1000, (rows, length)), torch.ones(rows, length)
        mask[:, -3:] = 0
        while True:
            with torch.autocast("cpu", torch.bfloat16):
                states = encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state
            states.float().square().mean().backward()
            yield

    times = race({"plain": steps(True), "fused": steps(False)}, ROUNDS, clock=time.process_time)
    found = ratio(times, "plain", "fused")
    report(f"attention, {rows} texts of {length}, dropout {dropout}: {found:.3f} of the fused")
    assert found <= 1.0


@pytest.mark.parametrize("name", ["SST-2", "MNLI"])
def test_little_of_a_batch_is_padding(tmp_path, name):
    make_rows(tmp_path / "rows", name, 100_000)
    rows = EncodedRows(tmp_path / "rows", name)
    lengths = {name: rows.text_lengths}
    sampler = TaskBatchSampler(lengths, 64, proportional, seed=0, window=WINDOW)
    chosen = (sampler.batch(step)[1] for step in range(min(WINDOW, len(rows) // 64)))
    found = real_share(rows.batch(part, frozenset({"texts"})) for part in chosen)["texts"]
    report(f"padding, {name}: {found:.3f} of the computed tokens are real")
    assert found >= 0.95


@pytest.mark.parametrize(("cached", "floor", "steps"), [(False, 12, 3), (True, 3, 8)])
@pytest.mark.filterwarnings("ignore")  # TextBrewer's own
def test_distillation_is_many_times_as_fast_as_in_textbrewer(world, cached, floor, steps):
    pytest.importorskip("textbrewer", reason="pip install -e '.[benchmark]'")
    rates = rates_against_textbrewer(world, cached, steps)
    best = {
        name: max(rate for contender, rate in rates.items() if contender.startswith(name))
        for name in ("kdlight", "textbrewer")
    }
    found = best["kdlight"] / best["textbrewer"]
    rounded = {name: round(rate, 1) for name, rate in rates.items()}
    where = "RAM cache" if cached else "live teacher"
    report(f"{found:.1f}x TextBrewer, {where}; rows/s by threads: {rounded}")
    assert found >= floor


def rates_against_textbrewer(world, cached, steps):
    """Rows a second of both, with one and two threads, in one race; of each its best round.

    `steps` are those of a block of TextBrewer; kdlight does `BLOCK`.
    """
    rounds = 6
    contenders = {}
    for count in (1, 2):
        folder = f"cached={cached} threads={count}"
        all_steps = BLOCK * (rounds + 1)
        ours = world.kdlight(f"kdlight {folder}", all_steps, BLOCK, threads=count)
        theirs = textbrewer(world, f"textbrewer {folder}", cached, steps, rounds, count)
        contenders |= {f"kdlight {count}": ours, f"textbrewer {count}": theirs}
    times = race(contenders, rounds)
    for contender in contenders.values():
        deque(contender, maxlen=0)
    return {
        name: world.batch_size * (BLOCK if name.startswith("kdlight") else steps) / min(taken)
        for name, taken in times.items()
    }


def textbrewer(world, name, cached, steps, rounds, count):
    """TextBrewer's training, paused after every `steps`; filling its cache is not timed."""
    flat, offsets = world.rows._sides[0]
    total = steps * (rounds + 2)  # in one epoch, or two of the cache
    chosen = np.random.default_rng(0).permutation(len(world.rows))[: 64 * total // (1 + cached)]
    texts = [[101, *flat[offsets[i] : offsets[i + 1]][:126].tolist(), 102] for i in chosen]
    calls = []

    def work(pause):
        def before_step():
            calls.append(None)
            if len(calls) % steps == 1:
                pause()

        torch.set_num_threads(count)  # of this thread
        teacher = Classifier(world.teacher.encoder.model, 2)
        student = PackedBiLSTM(*world.shape())
        batches, folder = loader(texts, world.batch_size), world.folder / name
        train(teacher, student, batches, 1 + cached, cached, folder, before_step)

    return Paused(work)
