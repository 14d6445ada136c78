"""Stage: the text a student learns from: labelled rows, unlabelled rows, augmented rows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from hydra.utils import instantiate

from kdlight.augmentation.augment import augment
from kdlight.data.rows import read_rows, write_rows
from kdlight.types import Example, StageSpec


def run(spec: StageSpec) -> None:
    """Writes `transfer.arrow`; only the student's labelled rows keep their labels."""
    config, rows = spec.config, Path(spec.inputs["rows"])
    labelled = _labelled(rows / "train.arrow", config["student_labels"], config["data_seed"])
    augmenters = {name: instantiate(node) for name, node in config["augmenters"].items()}

    def transfer() -> Iterator[Example]:
        yield from labelled()
        yield from read_rows(rows / "unlabelled.arrow")
        yield from augment(labelled(), augmenters, config["n_iter"], config["seed"])

    write_rows(Path(spec.out) / "transfer.arrow", transfer())


def _labelled(path: Path, count: int | None, seed: int) -> Callable[[], Iterator[Example]]:
    """The rows whose labels the student may see, as often as they are asked for."""
    total = sum(1 for _ in read_rows(path))
    keep = set(range(total))
    if count is not None and count < total:
        keep = set(Random(f"student labels {seed}").sample(range(total), count))
    return lambda: (row for number, row in enumerate(read_rows(path)) if number in keep)
