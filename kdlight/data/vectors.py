"""Word vectors from word2vec (text, binary) and GloVe files, for some of their words only."""

import gzip
import zlib
from collections.abc import Collection
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from kdlight.types import UserError

CONTROL = bytes(range(9))  # never in text, and soon met among the bytes of numbers
WIDEST = 100_000
BROKEN = (EOFError, ValueError, zlib.error, gzip.BadGzipFile)


def read_vectors(path: Path, wanted: Collection[str], scratch: Path) -> dict[str, NDArray]:
    """The vectors [width] of the wanted words that a file holds, all of one width.

    The file may have word2vec's first line (number of words and width) or, like GloVe's, none;
    a name that ends in `.gz` is unpacked on the way. It is read once from end to end, and only
    the vectors of wanted words stay in memory; of a word that comes twice the first counts.

    Args:
        path: the file.
        wanted: the words.
        scratch: a folder for the wanted lines of a text file.

    Raises:
        UserError: if gensim is missing, or what is wrong with the file and where.
    """
    keeper = _keeper(frozenset(wanted))
    numbers: list[int] = []  # of the lines that are kept
    try:
        if _is_binary(path):
            return _by_word(keeper.load_word2vec_format(str(path), True))
        lines = scratch / "wanted.txt"
        numbers = _keep_lines(path, {word.encode() for word in wanted}, lines)
        found = _by_word(keeper.load_word2vec_format(str(lines), False)) if numbers else {}
        lines.unlink()
    except BROKEN as error:
        where = f", behind its word {keeper.read:,} ({keeper.last!r})" if keeper.read else ""
        where = f", line {numbers[keeper.read]}" if numbers else where
        reason = "it is cut off" if isinstance(error, EOFError) else error
        raise UserError(f"The vector file {path}{where}: {reason}.") from error
    return found


def _keeper(wanted: frozenset[str]) -> Any:
    """The reader of gensim as a class that keeps the wanted words and forgets the others.

    It counts the words it has read and remembers the last.
    """
    try:
        from gensim.models import KeyedVectors
    except ImportError as error:
        raise UserError(
            "student/embeddings=vectors reads its file through gensim, which is not installed: "
            "python -m pip install gensim."
        ) from error

    class Keeper(KeyedVectors):
        read, last = 0, ""

        def __init__(self, vector_size: int, count: int, dtype: Any = np.float32) -> None:
            super().__init__(vector_size, min(count, len(wanted)), dtype)
            self.index_to_key: list[str] = []

        def add_vector(self, key: str, vector: Any) -> int:
            if key in wanted:
                row = len(self.index_to_key)
                self.vectors[row] = vector
                if not np.isfinite(self.vectors[row]).all():
                    raise ValueError(f"the vector of {key!r} holds numbers that are not finite")
                self.key_to_index[key] = row
                self.index_to_key.append(key)
            Keeper.read, Keeper.last = Keeper.read + 1, key
            self.next_index += 1
            return self.next_index - 1

        def set_vecattr(self, key: str, attr: str, val: Any) -> None:
            """Counts of words are of no use here."""

        @classmethod
        def load_word2vec_format(cls, fname: str, binary: bool) -> Any:
            return super().load_word2vec_format(fname, binary=binary, unicode_errors="replace")

    return Keeper


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], (gzip.open if path.suffix == ".gz" else open)(path, "rb"))


def _is_binary(path: Path) -> bool:
    """Whether numbers follow as bytes.

    Raises:
        UserError: if so, and the first line does not say how many and how wide.
    """
    with _open(path) as file:
        head, sample = file.readline(200), file.read(1 << 16)
    if not set(CONTROL) & set(head + sample):
        return False
    if _header(head) is None:
        raise UserError(
            f"The vector file {path} is neither text nor word2vec's binary format, whose first "
            "line gives the number of words and their width: unpack an archive first, and save "
            "gensim's own files with save_word2vec_format."
        )
    return True


def _header(line: bytes) -> tuple[int, int] | None:
    """(words, width) of a first line that says them."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    words, width = map(int, fields)
    return (words, width) if 0 < width <= WIDEST else None


def _keep_lines(path: Path, wanted: set[bytes], out: Path) -> list[int]:
    """Copies the lines of the wanted words, in word2vec's format; their numbers in the file."""
    left, numbers, number = set(wanted), [], 0
    with _open(path) as source, out.open("wb") as kept:
        header = _header(first := source.readline())
        width = header[1] if header else len(first.split()) - 1
        if width < 1:
            raise UserError(f"The vector file {path}, line 1: no word with numbers behind it.")
        kept.write(b" " * 40 + b"\n")  # the first line, known at the end
        for number, line in enumerate(chain([] if header else [first], source), 1):
            if not left.intersection(line.split(None, 1)[:1]):
                continue
            word, *values = line.split()
            place = number + bool(header)
            if len(values) > width and not _is_number(values[0]):
                continue  # a word with spaces, such as the `. . .` of GloVe
            if len(values) != width:
                name, count = word.decode(errors="replace"), len(values)
                raise UserError(
                    f"The vector file {path}, line {place}: the word {name!r} has {count} "
                    f"numbers, not {width}."
                )
            kept.write(b" ".join([word, *values]) + b"\n")
            numbers.append(place)
            left.remove(word)
        kept.seek(0)
        kept.write(b"%d %d" % (len(numbers), width))
    if header and number < header[0]:
        raise UserError(
            f"The vector file {path} is cut off: it holds {number:,} of the {header[0]:,} words "
            "that its first line promises."
        )
    return numbers


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _by_word(vectors: Any) -> dict[str, NDArray]:
    return dict(zip(vectors.index_to_key, vectors.vectors, strict=True))
