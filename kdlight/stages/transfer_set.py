"""Stage: the text a student learns from: labelled, unlabelled and augmented rows, other text."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from hydra.utils import instantiate

from kdlight.augmentation.augment import augment
from kdlight.augmentation.seen import Seen
from kdlight.augmentation.words import split
from kdlight.data.rows import count_rows, read_rows, write_rows
from kdlight.measure.meter import Meter
from kdlight.tasks.sentences import drawn, sentences
from kdlight.types import Example, StageSpec, UserError


def run(spec: StageSpec) -> None:
    """Writes `transfer.arrow`: the student's labelled rows first, the augmented rows last."""
    config, rows = spec.config, Path(spec.inputs["rows"])
    labelled = _labelled(rows / "train.arrow", config["student_labels"], config["data_seed"])
    augmenters = _augmenters(spec)
    text = _Text(spec) if config["text"] else None

    def transfer() -> Iterator[Example]:
        yield from labelled()
        yield from read_rows(rows / "unlabelled.arrow")
        if text:
            yield from text.rows()
        yield from augment(labelled, augmenters, config["n_iter"], config["seed"])

    most = count_rows(rows / "unlabelled.arrow") + (text.count if text else 0)
    most += sum(1 for _ in labelled()) * (1 + (config["n_iter"] if augmenters else 0))
    with Meter(spec.runtime["title"], most, "rows") as meter:

        def counted() -> Iterator[Example]:
            for row in transfer():
                yield row
                meter.advance(1)

        write_rows(Path(spec.out) / "transfer.arrow", counted())


def _augmenters(spec: StageSpec) -> dict[str, Any]:
    """The augmenters; `pretrained` of one is a folder here, and its content in `config`."""
    folders = spec.runtime["pretrained"]
    return {
        name: instantiate(node, **({"pretrained": folders[name]} if name in folders else {}))
        for name, node in spec.config["augmenters"].items()
    }


class _Text:
    """Sentences of the user's files that are neither evaluation rows nor there already."""

    def __init__(self, spec: StageSpec) -> None:
        config = spec.config["text"]
        self.paths, self.words = spec.runtime["text"], tuple(config["words"])
        self.total = sum(1 for _ in sentences(self.paths, self.words))
        if not self.total:
            raise UserError(
                f"data.text: no sentence of {self.words[0]} to {self.words[1]} words "
                f"(data.text_words=) in {', '.join(self.paths)}"
            )
        self.wanted, self.seed = config["rows"], spec.config["seed"]
        self.count = min(self.total, self.wanted or self.total)
        self.known = [Path(spec.inputs["rows"]) / f"{name}.arrow" for name in KNOWN]

    def rows(self) -> Iterator[Example]:
        seen = Seen()
        for path in self.known:
            for row in read_rows(path):
                seen.add(_key(row.text_a))
        found = drawn(sentences(self.paths, self.words), self.total, self.wanted, self.seed)
        for number, sentence in enumerate(found):
            if seen.add(_key(sentence)):
                yield Example(f"text-{number}", sentence, source="text")


KNOWN = ("train", "selection", "eval", "unlabelled")


def _key(text: str) -> str:
    return " ".join(word.strip().lower() for word in split(text))


def _labelled(path: Path, count: int | None, seed: int) -> Callable[[], Iterator[Example]]:
    """The rows whose labels the student may see, as often as they are asked for."""
    total = count_rows(path)
    if count is None or count >= total:
        return lambda: read_rows(path)
    keep = set(Random(f"student labels {seed}").sample(range(total), count))
    return lambda: (row for number, row in enumerate(read_rows(path)) if number in keep)
