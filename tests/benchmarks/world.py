"""Rows, a teacher and a store of realistic size for the benchmarks.

`KDLIGHT_TEACHER` names a model folder and `KDLIGHT_DATA` a folder of task folders, if there are
any; else the teacher is a random one of MiniLM's size, and the rows are random tokens of realistic
lengths and frequencies.
"""

import gzip
import json
import os
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from kdlight.data.datamodule import TaskDataModule
from kdlight.data.encode import encode_rows, load_tokenizer
from kdlight.data.encoded import EncodedRows
from kdlight.data.mixing import proportional
from kdlight.data.rows import write_rows
from kdlight.launch.prepare import prepare
from kdlight.losses.logits import LogitMSE
from kdlight.losses.weighted_sum import WeightedSum
from kdlight.measure.race import Paused
from kdlight.methods.distill import Distill
from kdlight.methods.finetune import Finetune
from kdlight.methods.fit import fit
from kdlight.methods.optimizers import LazyAdamW
from kdlight.methods.schedules import linear
from kdlight.models.bilstm import BiLSTMEncoder
from kdlight.models.embeddings import TokenEmbeddings
from kdlight.models.heads import LinearHead, MLPHead
from kdlight.models.multitask import MultiTaskModel
from kdlight.models.pretrained import load_encoder, random_encoder
from kdlight.stages.benchmark import Every
from kdlight.stages.student import WINDOW
from kdlight.teachers.store import CachedTeacher, open_for_filling
from kdlight.types import Example

DATA, TEACHER = os.environ.get("KDLIGHT_DATA"), os.environ.get("KDLIGHT_TEACHER")
MINILM = {
    "model_type": "bert",
    "num_hidden_layers": 6,
    "hidden_size": 384,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}
CPU = {"accelerator": "cpu", "devices": 1, "num_nodes": 1, "strategy": "auto"}
CPU |= {"precision": "32-true", "checkpoint_seconds": float("inf")}  # no saves while others run
VOCABULARY, DROPOUT = 30522, 0.2
# Log-normal lengths in tokens: SST-2's single texts, MNLI's premises and hypotheses.
LENGTHS = {"SST-2-sent": [(2.85, 0.5)], "SST-2": [(2.1, 0.8)], "MNLI": [(3.0, 0.65), (2.4, 0.4)]}


@dataclass
class World:
    """What a contender needs; `head` and `hidden` are widths of the student."""

    folder: Path
    rows: EncodedRows
    store: Path
    teacher: MultiTaskModel
    table: torch.Tensor
    hidden: int = 150
    head: int = 200
    batch_size: int = 64

    def student(self):
        torch.manual_seed(0)
        table = TokenEmbeddings(len(self.table), 0, 0, table=self.table)
        encoder = BiLSTMEncoder(table, self.hidden, DROPOUT)
        head = partial(MLPHead, hidden=self.head, dropout=DROPOUT)
        return MultiTaskModel(encoder, head, {"demo": (2, False)})

    def shape(self):
        return self.table, self.hidden, self.head, 2, DROPOUT

    def data(self, steps):
        rows = {"demo": self.rows}
        held = {"demo": EncodedRows(self.folder / "held", "demo")}
        reads = frozenset({"texts"})
        made = TaskDataModule(rows, held, proportional, self.batch_size, 0, reads, window=WINDOW)
        made.steps = steps
        return made

    def ready(self, steps):
        """The same batches for plain loops: ids, lengths, logits of the teacher."""
        store = CachedTeacher({"demo": self.store})
        batches = self.data(steps).train_dataloader()
        return [(b.texts[0].input_ids, b.texts[0].lengths, store(b).logits) for b in batches]

    def kdlight(self, name, steps, block, gold=False, threads=1):
        """Training as kdlight does it, from the store or on labels, paused between blocks."""
        prepare()
        common = {
            "model": self.student(),
            "metrics": {"demo": (["accuracy"], 2)},
            "optimizer": partial(LazyAdamW, lr=1e-3, weight_decay=0.0),
            "schedule": linear,
            "total_steps": steps,
            "seed": 0,
        }
        store = CachedTeacher({"demo": self.store})
        losses = WeightedSum({"logit_mse": LogitMSE()})
        module = Finetune(**common) if gold else Distill(losses, store, **common)
        runtime = {"trainer": CPU, "quiet": True}
        out = self.folder / name
        out.mkdir()

        def work(pause):
            torch.set_num_threads(threads)  # of this thread
            fit(module, self.data(steps), out, steps, name, runtime, [Every(block, pause)])

        return Paused(work)


def make_world(folder, shape=MINILM, count=20_000, hidden=150):
    """A teacher with weights from `KDLIGHT_TEACHER` or random, and a store of random logits."""
    make_rows(folder / "rows", "SST-2-sent", count)
    make_rows(folder / "held", "SST-2-sent", 200)
    rows = EncodedRows(folder / "rows", "demo")
    torch.manual_seed(0)
    if TEACHER and shape is MINILM:
        encoder = load_encoder(Path(TEACHER), "mean")
    else:
        encoder = random_encoder(shape, VOCABULARY, 0, "mean", 0.5)
    teacher = MultiTaskModel(encoder, LinearHead, {"demo": (2, False)}).eval()
    logits = open_for_filling(folder / "store", rows, 2)
    logits[:] = np.random.default_rng(0).normal(0, 2, logits.shape)
    table = 10 * encoder.model.get_input_embeddings().weight.detach().clone()
    return World(folder, rows, folder / "store", teacher, table, hidden=hidden)


def make_rows(out, name, count):
    """The first rows of a real task's train file, else random ones of like lengths."""
    path = Path(DATA or ".") / name / "train.jsonl.gz"
    if DATA and TEACHER and path.exists():
        source = out.with_suffix(".arrow")
        write_rows(source, islice(read_examples(path), count))
        special = {"pad": 0, "mask": "[MASK]"}
        encode_rows(source, out, load_tokenizer(Path(TEACHER)), special, 128)
        return
    random = np.random.default_rng(0)
    shapes = LENGTHS[name]
    out.mkdir(parents=True)
    for side, (mean, spread) in zip("ab", shapes, strict=False):
        lengths = np.clip(random.lognormal(mean, spread, count), 1, 128).astype(np.int64)
        offsets = np.concatenate([[0], lengths.cumsum()])
        tokens = 1000 + np.minimum(random.zipf(1.3, int(offsets[-1])), VOCABULARY - 1001)
        np.save(out / f"{side}.ids.npy", tokens.astype(np.uint16))
        np.save(out / f"{side}.offsets.npy", offsets)
    np.save(out / "labels.npy", random.integers(0, 2, count).astype(np.float32))
    np.save(out / "ids.npy", np.arange(count))
    meta = {"pair": len(shapes) == 2, "max_length": 128, "vocabulary": VOCABULARY, "pad": 0}
    meta |= {"prefix": [101], "middle": [102], "suffix": [102], "second_type": 1}
    (out / "meta.json").write_text(json.dumps(meta))


def read_examples(path):
    """Rows of a `text_a text_b label` file, every one with a label."""
    with gzip.open(path, "rt") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            yield Example(f"train-{number}", row["text_a"], row.get("text_b"), number % 2)
