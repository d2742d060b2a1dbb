"""Sources -> rows, from any place on: paragraphs, whole files, JSON lines, CSV, Parquet.

Reading comes in two steps. `records` cuts a source into raw rows and tells after each where the next begins, which is
cheap enough to go through an archive before work starts. `row_of` looks into a raw row: its text and id, or what is
wrong with it. A place is a byte and a line (Parquet: a row), so work can begin anywhere without reading what is before.
Nothing longer than `LIMIT` is ever held. This module knows no models and no output.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple, NoReturn
from uuid import UUID

from ahdath.bulk.inputs import Source
from ahdath.bulk.settings import LabelSettings
from ahdath.errors import ConfigError, DataError, shown
from ahdath.text import paragraphs
from ahdath.textfiles import wide_encoding

__all__ = ["BEGIN", "LIMIT", "Cut", "Place", "Raw", "Row", "SourceChanged", "columns_of", "records", "row_of"]

LIMIT = 1 << 26
"""Bytes that a line, a CSV record or a whole file may have; a longer one is reported as a bad row."""
_BOM = codecs.BOM_UTF8
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES = (int, float, Decimal, UUID, date, time, timedelta)
"""What an id may be beside a text."""


class SourceChanged(DataError):
    """An input is not the file any more that the job began with."""


class Place(NamedTuple):
    """Where reading goes on: bytes before it (Parquet: rows), number of the line from 1, code points before it."""

    at: int = 0
    line: int = 1
    character: int = 0


BEGIN = Place()
"""The beginning of a file."""


class Raw(NamedTuple):
    """A row as it was cut out: its line (Parquet: row) from 1, its offset in a text file, and its content.

    `content` is the line of JSON lines, the text of a paragraph or file, `(id, text)` of a table. With `problem`,
    it is what was found in place of a row.
    """

    row: int
    content: Any
    start: int | None = None
    problem: str = ""


class Cut(NamedTuple):
    """The rows of one step, usually one; where the next step begins; how many bytes they have."""

    rows: tuple[Raw, ...]
    next: Place
    size: int


class Row(NamedTuple):
    """A document to label: id, text, and where it stands. `start` is its offset in a text file, in code points."""

    id: str
    text: str
    file: str
    row: int
    start: int | None


def records(source: Source, settings: LabelSettings, place: Place = BEGIN) -> Iterator[Cut]:
    """The raw rows of a source from `place` on. Blank lines give none.

    Raises SourceChanged when the file is not the one that was fingerprinted, DataError when it is damaged as a whole or
    in UTF-16, ConfigError when a table has not the columns of `settings`.
    """
    if source.format == "parquet":
        from ahdath.bulk.parquet import parquet_rows

        _unchanged(source, os.stat(source.path))
        yield from parquet_rows(source, settings, place)
        return
    with open(source.path, "rb") as stream:
        _unchanged(source, os.fstat(stream.fileno()))
        _not_wide(source, stream)
        if source.format == "csv":
            from ahdath.bulk.delimited import csv_rows

            yield from csv_rows(stream, source, settings, place)
        elif source.format == "jsonl":
            yield from _json_lines(stream, place)
        elif settings.whole_files:
            yield from _whole(stream, place)
        else:
            yield from _text_lines(stream, place)


def _unchanged(source: Source, status: os.stat_result) -> None:
    if source.sha256 and (source.bytes, source.mtime_ns) != (status.st_size, status.st_mtime_ns):
        raise SourceChanged(
            f"{source.name}: expected the file as it was when the job began, found it changed since; "
            "put it back, or say --restart"
        )


def _not_wide(source: Source, stream: BinaryIO) -> None:
    """Lines of Arabic in UTF-16 are valid UTF-8, and nonsense: such a file is refused as a whole."""
    wide = wide_encoding(stream.read(4))
    stream.seek(0)
    if wide:
        raise DataError(f"{source.name}: expected UTF-8, found {wide} by its first bytes; convert it: iconv -f {wide} -t UTF-8")


def _lines(stream: BinaryIO, place: Place) -> Iterator[tuple[bytes, int]]:
    """Lines with their ends, and their sizes; of one longer than LIMIT its beginning."""
    stream.seek(place.at)
    while line := stream.readline(LIMIT + 1):
        size = len(line)
        if size > LIMIT:
            while not line.endswith(b"\n") and (more := stream.readline(LIMIT)):
                size, line = size + len(more), line[:200] + more[-1:]
        yield line, size


def _json_lines(stream: BinaryIO, place: Place) -> Iterator[Cut]:
    at, number, _ = place
    for line, size in _lines(stream, place):
        rows = (Raw(number, line if at else line.removeprefix(_BOM), None, _too_long(size)),) if line.strip() else ()
        at, number = at + size, number + 1
        yield Cut(rows, Place(at, number), size)


def _text_lines(stream: BinaryIO, place: Place) -> Iterator[Cut]:
    at, number, character = place
    for line, size in _lines(stream, place):
        problem = _too_long(size)
        text = "" if problem else line.decode("utf-8", "surrogateescape")
        if problem:
            length = _length(stream, at, size)
        else:
            # Offsets behind a damaged line count every wrong byte as one character, as editors show it.
            length = len(text)
            problem = _not_utf8(line) if "\0" in text or _SURROGATE.search(text) else ""
        if problem:
            rows: tuple[Raw, ...] = (Raw(number, line, character, problem),)
        else:
            rows = tuple(Raw(number, text[a:b], character + a) for a, b in paragraphs(text))
        at, number, character = at + size, number + 1, character + length
        yield Cut(rows, Place(at, number, character), size)


def _length(stream: BinaryIO, at: int, size: int) -> int:
    """Code points of `size` bytes from `at` on; the stream then stands behind them."""
    stream.seek(at)
    decoder, length = codecs.getincrementaldecoder("utf-8")("surrogateescape"), 0
    while size:
        piece = stream.read(min(size, 1 << 20))
        size -= len(piece)
        length += len(decoder.decode(piece, final=not size))
    return length


def _whole(stream: BinaryIO, place: Place) -> Iterator[Cut]:
    if place.at:
        return
    content = stream.read(LIMIT + 1)
    size = os.fstat(stream.fileno()).st_size
    problem = _too_long(size) or _not_utf8(content)
    row = Raw(1, content if problem else content.decode("utf-8"), 0, problem)
    yield Cut((row,), Place(max(size, 1), 2), size)


def _too_long(size: int) -> str:
    return f"expected at most {LIMIT:,} bytes, found {size:,}; cut it into paragraphs" if size > LIMIT else ""


def _not_utf8(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        found = " ".join(f"{byte:02x}" for byte in content[error.start : error.end])
        return f"expected UTF-8, found {found} at byte {error.start} of it; convert it"
    if 0 in content:
        return f"expected text, found 00 at byte {content.index(0)} of it; if it is UTF-16: iconv -f UTF-16 -t UTF-8"
    return ""


def columns_of(names: list[str], settings: LabelSettings) -> tuple[str, str | None]:
    """Which of a table's columns hold text and id. Raises ConfigError where they are missing."""
    for option, name in (("text_column", settings.text_column), ("id_column", settings.id_column)):
        if name is not None and name not in names:
            listed = ", ".join(map(repr, names[:20])) or "none"
            raise ConfigError(f"expected a column {name!r} ({option}), found {listed}; name the column that holds it")
    return settings.text_column, settings.id_column or ("id" if "id" in names else None)


# ---------------------------------------------------------------------- looking into a row


def row_of(raw: Raw, source: Source, settings: LabelSettings) -> Row:
    """The document of a raw row. Raises DataError, without the place, for a row that cannot be labelled."""
    if raw.problem:
        raise DataError(raw.problem)
    if source.format == "txt":
        place = source.name if settings.whole_files else f"{source.name}#{raw.start}"
        return Row(place, raw.content, source.name, raw.row, raw.start)
    name: Any
    if source.format == "jsonl":
        row = _object(raw.content)
        if settings.text_column not in row:
            _refuse(f"the key {settings.text_column!r}", list(row), "add it, or name the key that holds the text")
        name, text = row.get(settings.id_column or "id"), row[settings.text_column]
    else:
        name, text = raw.content
    if not isinstance(text, str):
        _refuse(f"a text in {settings.text_column!r}", text)
    lone = _SURROGATE.search(text)
    if lone:
        _refuse(f"Unicode in {settings.text_column!r}", text[lone.start() :], f"replace the lone surrogate at {lone.start()}")
    return Row(_id(name, raw, source, settings), text, source.name, raw.row, None)


def _object(line: bytes) -> dict[str, Any]:
    problem = _not_utf8(line)
    if problem:
        raise DataError(problem)
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"expected one JSON object, found {shown(line.decode('utf-8').strip())} ({error})") from error
    if not isinstance(row, dict):
        _refuse("one JSON object", row)
    return row


def _id(name: Any, raw: Raw, source: Source, settings: LabelSettings) -> str:
    """An id as text. pandas makes whole numbers floats as soon as one is missing, which is NaN then: both are undone."""
    if name is None or name == "" or (isinstance(name, float) and math.isnan(name)):
        if settings.id_column is not None:
            _refuse(f"an id in {settings.id_column!r}", name)
        return f"{source.name}#{raw.row}"
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    if isinstance(name, bytes):  # texts that were written without saying so, or a digest
        return name.hex() if _not_utf8(name) else name.decode("utf-8")
    if isinstance(name, _NAMES) and not isinstance(name, bool):
        return str(name)
    if not isinstance(name, str) or _SURROGATE.search(name):
        _refuse(f"a text, number or date in {settings.id_column or 'id'!r}", name)
    return name


def _refuse(expected: str, found: object, remedy: str = "") -> NoReturn:
    raise DataError(f"expected {expected}, found {shown(found)}" + (f"; {remedy}" if remedy else ""))
