"""Text files -> paragraphs with their place in the file; an output that takes any text; files that are written whole.

Reading is line by line, so a file of any size or an endless pipe may come. Offsets are code points of the file as
it is, line ends and byte order mark included. This module knows nothing of models or formats.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from .errors import DataError
from .text import paragraphs

__all__ = ["Paragraph", "open_output", "read_paragraphs", "take_any_text", "wide_encoding", "write_whole"]

_WIDE = {
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),  # first: UTF-16's mark begins one of them
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}


class Paragraph(NamedTuple):
    """A paragraph: its file (`-`: stdin), its offset there in code points, its text."""

    file: str
    start: int
    text: str


def read_paragraphs(names: Sequence[str]) -> Iterator[Paragraph]:
    """The paragraphs of UTF-8 files in order; `-` is stdin. Blank lines give none.

    Raises DataError for a missing file before anything is read, and for a damaged one with the offset of its
    first wrong byte; OSError where the system refuses to read.
    """
    for name in names:
        if name != "-" and not Path(name).exists():
            raise DataError(f"{name}: expected a text file, found none; check the path")
    for name in names:
        with _opened(name) as stream:
            characters = consumed = 0
            for line in stream:
                text = _decoded(line, name, consumed)
                for start, end in paragraphs(text):
                    yield Paragraph(name, characters + start, text[start:end])
                characters, consumed = characters + len(text), consumed + len(line)


def wide_encoding(beginning: bytes) -> str:
    """UTF-16 or UTF-32, where a file that begins so says that it is; else nothing. Much of UTF-16 passes for UTF-8.

    >>> wide_encoding("قصف".encode("utf-16"))
    'UTF-16'
    """
    return next((name for name, marks in _WIDE.items() if beginning.startswith(marks)), "")


def _decoded(line: bytes, name: str, before: int) -> str:
    wide = "" if before else wide_encoding(line)
    if wide:
        raise _not_utf8(name, wide, wide)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        found = " ".join(f"{byte:02x}" for byte in line[error.start : error.end])
        raise _not_utf8(name, f"{found} at byte {before + error.start}", "WINDOWS-1256") from error
    if "\0" in text:  # no text has it; UTF-16 has it in every space
        raise _not_utf8(name, f"00 at byte {before + line.index(0)}", "UTF-16")
    return text


def _not_utf8(name: str, found: str, encoding: str) -> DataError:
    return DataError(
        f"{name}: expected UTF-8, found {found}; convert the file (iconv -f {encoding} -t UTF-8) and try again"
    )


@contextmanager
def _opened(name: str) -> Iterator[Iterable[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with open(name, "rb") as stream:
            yield stream


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """A file to write, which takes any text as `take_any_text` says; stdout for None."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
    else:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            yield stream


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 beside the place and swap: a kill at any moment leaves the old file or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)


def take_any_text(stream: TextIO) -> None:
    """From here on `stream` is UTF-8 with plain line ends, unless it is a terminal, which has an encoding of its own.

    What cannot be written becomes an escape. For a lone surrogate that is `\\udXXX`, as JSON escapes it.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
        if not stream.isatty():
            stream.reconfigure(encoding="utf-8", newline="\n", errors="backslashreplace")
