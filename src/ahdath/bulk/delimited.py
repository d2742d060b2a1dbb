"""CSV and TSV -> raw rows, from any place on.

A record may go over several lines (a quoted line end). A record that is no CSV costs its first line only: reading goes
on with the next, so an unclosed quote does not swallow the rest of a file.

Files with tabs are often written without quoting, and news often begins with a quote. There, a quote is a character like
others where a line has all its fields so, and as CSV it has not, or would take in lines that have all of theirs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from ahdath.bulk.inputs import Source
from ahdath.bulk.reading import BEGIN, LIMIT, Cut, Place, Raw, columns_of
from ahdath.bulk.settings import LabelSettings
from ahdath.errors import ConfigError, DataError

__all__ = ["csv_rows"]

_TAB = "\t"
_ENOUGH = 100
"""So many lines, each of which has all its fields, are no quoted text, whatever follows: bounds what is read ahead."""


class _TooLong(Exception):
    """A line of more than LIMIT bytes; the lines stand behind it."""


class _Lines:
    """Lines of a file as text, wrong bytes as lone surrogates; knows its place, and the one behind its first line."""

    def __init__(self, stream: BinaryIO, place: Place) -> None:
        self._stream = stream
        self.go_to(place)

    def go_to(self, place: Place) -> None:
        self._stream.seek(place.at)
        self.place = place
        self.first: Place | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LIMIT + 1)
        if not line:
            raise StopIteration
        size = len(line)
        while size > LIMIT and not line.endswith(b"\n") and (more := self._stream.readline(LIMIT)):
            size, line = size + len(more), more[-1:]
        begins = self.place.at == 0
        self.place = Place(self.place.at + size, self.place.line + 1)
        self.first = self.first or self.place
        if size > LIMIT:
            raise _TooLong
        return line.decode("utf-8-sig" if begins else "utf-8", "surrogateescape")


class _Watched:
    """Lines on their way to the csv module. `whole`: each of them, blank ones aside, has `width` fields if cut at the tabs."""

    def __init__(self, lines: _Lines, width: int) -> None:
        self._lines = lines
        self._width = width
        self.count = 0
        self.whole = width > 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.whole and self.count >= _ENOUGH:
            raise StopIteration
        line = next(self._lines)
        self.count += 1
        self.whole &= not line.strip("\r\n") or line.count(_TAB) + 1 == self._width
        return line


@contextmanager
def _long_fields() -> Iterator[None]:
    """The csv module refuses long fields by a limit for the whole process; ours holds for one record."""
    before = csv.field_size_limit(LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def csv_rows(stream: BinaryIO, source: Source, settings: LabelSettings, place: Place) -> Iterator[Cut]:
    """The records of a CSV file with a header line, as `reading.records` gives them; content is `(id, text)`.

    Raises DataError when the header is no CSV, ConfigError when it has not the columns.
    """
    delimiter = settings.delimiter or (_TAB if source.name.lower().endswith(".tsv") else ",")
    lines = _Lines(stream, BEGIN)
    header, problem = _record(lines, delimiter)
    if header is None:
        return
    if problem:
        raise DataError(f"{source.name}: expected a line of column names; {problem}")
    try:
        text, name = columns_of(header, settings)
    except ConfigError as error:
        raise ConfigError(f"{source.name}: {error}") from error
    picked = header.index(text), None if name is None else header.index(name)
    if place.at:
        lines.go_to(place)
    while True:
        before = lines.place
        fields, problem = _record(lines, delimiter, len(header))
        if fields is None:
            return
        size = lines.place.at - before.at
        rows = (_raw(before.line, fields, problem, len(header), picked),) if fields or problem else ()
        yield Cut(rows, lines.place, size)


def _record(lines: _Lines, delimiter: str, width: int = 0) -> tuple[list[str] | None, str]:
    """The fields of the next record, or its first line and what is wrong; None at the end, no field for a blank line."""
    before = lines.place
    lines.first = None
    watched = _Watched(lines, width if delimiter == _TAB else 0)
    fields: list[str] = []
    problem = ""
    try:
        with _long_fields():
            fields = next(csv.reader(watched, delimiter=delimiter, strict=True))
    except StopIteration:
        return None, ""
    except _TooLong:
        problem = f"expected at most {LIMIT:,} bytes, found a longer line"
        if lines.first == lines.place:
            return [], problem
    except csv.Error as error:
        problem = f"expected CSV, found {error}; quote the field and double the quotes in it"
    if not problem and (not fields or not watched.whole or (watched.count == 1 and len(fields) == width)):
        return fields, ""
    behind = lines.first or lines.place
    lines.go_to(before)
    line = next(lines).rstrip("\r\n")
    lines.go_to(behind)
    plain = line.split(_TAB)
    return (plain, "") if delimiter == _TAB and len(plain) == width else ([line], problem)


def _raw(line: int, fields: list[str], problem: str, width: int, picked: tuple[int, int | None]) -> Raw:
    if not problem and len(fields) != width:
        problem = f"expected {width} fields, found {len(fields)}; quote a text that holds the delimiter"
    if not problem and any("\udc80" <= character <= "\udcff" for field in fields for character in field):
        problem = "expected UTF-8, found other bytes; convert it"
    if not problem and any("\0" in field for field in fields):
        problem = "expected text, found the byte 00; if it is UTF-16: iconv -f UTF-16 -t UTF-8"
    if problem:
        return Raw(line, fields, None, problem)
    text, name = picked
    return Raw(line, (None if name is None else fields[name], fields[text]))
