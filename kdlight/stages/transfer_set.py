"""Stage: the text a student learns from: labelled rows, unlabelled rows, augmented rows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from hydra.utils import instantiate

from kdlight.augmentation.augment import augment
from kdlight.data.rows import count_rows, read_rows, write_rows
from kdlight.measure.meter import Meter
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

    unlabelled = count_rows(rows / "unlabelled.arrow")
    most = unlabelled + sum(1 for _ in labelled()) * (1 + config["n_iter"])
    with Meter(spec.runtime["title"], most, "rows") as meter:

        def counted() -> Iterator[Example]:
            for row in transfer():
                yield row
                meter.advance(1)

        write_rows(Path(spec.out) / "transfer.arrow", counted())


def _labelled(path: Path, count: int | None, seed: int) -> Callable[[], Iterator[Example]]:
    """The rows whose labels the student may see, as often as they are asked for."""
    total = count_rows(path)
    keep = set(range(total))
    if count is not None and count < total:
        keep = set(Random(f"student labels {seed}").sample(range(total), count))
    return lambda: (row for number, row in enumerate(read_rows(path)) if number in keep)
