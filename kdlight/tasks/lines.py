"""Lines of a text file, plain or gzipped, each with its number; damage is named by line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from kdlight.artifacts.fingerprint import content_hash
from kdlight.types import UserError

_BOM = b"\xef\xbb\xbf"


def numbered_lines(path: Path, longest: int = -1) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file, one line in memory.

    A line of more than `longest` bytes comes in pieces, cut at blanks where it has any.
    """
    number = 0
    try:
        with _open(path) as stream:
            for number, before, raw in _raw_lines(stream, longest):
                yield number, _decode(path, number, before, raw)
    except EOFError:
        raise UserError(
            f"{path}, line {number + 1}: the gzip file ends too early (cut off while it was "
            "copied?); expected a whole file"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}, line {number + 1}: damaged gzip file ({error})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def file_hash(path: Path) -> str:
    """SHA-256 of the bytes of a file."""
    try:
        return content_hash(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else open(path, "rb")


def _raw_lines(stream: BinaryIO, longest: int) -> Iterator[tuple[int, int, bytes]]:
    """Number of the line, bytes of it that came before, and the bytes."""
    number, before, rest = 1, 0, b""
    while raw := stream.readline(longest):
        line = rest + raw
        if len(raw) != longest or raw.endswith(b"\n"):
            yield number, before, line
            number, before, rest = number + 1, 0, b""
            continue
        cut = line.rfind(b" ") + 1 or _before_last(line)
        yield number, before, line[:cut]
        before, rest = before + cut, line[cut:]
    if rest:
        yield number, before, rest


def _before_last(text: bytes) -> int:
    """Where the last character of UTF-8 begins, which may lack bytes."""
    start = len(text) - 1
    while start and text[start] & 0xC0 == 0x80:
        start -= 1
    return start or len(text)


def _decode(path: Path, number: int, before: int, raw: bytes) -> str:
    if number == 1 and not before:
        raw = raw.removeprefix(_BOM)
    try:
        return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        place = before + error.start + 1
        raise UserError(
            f"{path}, line {number}: byte {place} (0x{raw[error.start]:02x}) is not UTF-8; "
            "expected a UTF-8 file"
        ) from None
