"""Rows of JSON in and out, and checks of foreign values: what the JSON formats share.

Errors name the file and the row; what is lost is told once for a file. This module knows no format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from ahdath.corpus.rows import one_line, refuse
from ahdath.errors import AhdathError, DataError, shown
from ahdath.formats.losses import Losses
from ahdath.ontology import Ontology
from ahdath.schema import Document, Span

__all__ = [
    "array",
    "decoded",
    "decoded_lines",
    "defaults",
    "expected",
    "field",
    "json_line",
    "named",
    "offsets",
    "parse_lines",
    "parsed",
    "plain_meta",
    "read_text",
    "span_at",
    "write_text",
]


def read_text(path: str | PathLike[str]) -> str:
    """A whole UTF-8 file, line ends as they are, without a byte order mark. Raises DataError."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, found: {error.strerror or error}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = shown(content[error.start : error.start + 8])
        raise DataError(f"{path}: expected UTF-8, found {found} at byte {error.start}; save it as UTF-8") from error


def write_text(path: str | PathLike[str], content: str) -> None:
    """Writes UTF-8, line ends as they are. Raises DataError for what UTF-8 or the system cannot take."""
    try:
        Path(path).write_bytes(content.encode("utf-8"))
    except UnicodeEncodeError as error:
        found = shown(content[error.start : error.start + 1])
        raise DataError(f"{path}: expected text that UTF-8 can hold, found {found}; replace it") from error
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be written, found: {error.strerror or error}") from error


def json_line(row: Any) -> str:
    """One compact line of JSON; lone surrogates become escapes."""
    line = json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if any("\ud800" <= character <= "\udfff" for character in line):
        line = json.dumps(row, separators=(",", ":"), allow_nan=False)
    return line + "\n"


def plain_meta(document: Document) -> dict[str, Any]:
    """The meta of a document. Raises DataError, with document and key, for a value that JSON does not have, such as NaN."""
    for key, value in document.meta.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            where = f"Document {document.id!r}" if document.id else f"Document without an id, {shown(document.text)}"
            remedy = "make it null or a text"
            raise DataError(
                f"{where}: meta: {key}: expected a value that JSON has, found {shown(value)} ({error}); {remedy}"
            ) from error
    return dict(document.meta)


def parsed(content: str, where: str) -> Any:
    """The value of a JSON text. Raises DataError with `where`."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: expected JSON, found {shown(content)} ({error}); mend it") from error


def parse_lines(content: str, source: str) -> Iterator[tuple[str, Any]]:
    """(`source:line`, value) of every line that is not blank. Raises DataError for a line that is not JSON."""
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield f"{source}:{number}", parsed(line, f"{source}:{number}")


def decoded(rows: Iterable[tuple[str, Any]], decode: Callable[[Any, str], Document], source: str) -> list[Document]:
    """The documents of (place, row) pairs. Raises one DataError with the first twenty wrong rows."""
    documents, problems = [], []
    for where, row in rows:
        try:
            documents.append(decode(row, where))
        except AhdathError as error:
            message = one_line(error)
            problems.append(message if message.startswith(where) else f"{where}: {message}")
    refuse(problems, source)
    return documents


def decoded_lines(
    content: str, source: str, name: str, decode: Callable[[Any, str, Losses], Document]
) -> list[Document]:
    """The documents of lines of JSON, one each: what a format with a document a line has as `loads`.

    `decode` makes a document of a row, its place and the losses, which are told at the end under the format's `name`.
    Raises one DataError with the first twenty wrong lines.
    """
    losses = Losses(f"ahdath from {name}")
    documents = decoded(parse_lines(content, source), lambda row, where: decode(row, where, losses), source)
    losses.warn(frames=2)
    return documents


def expected(where: str, what: str, found: object, remedy: str = "") -> NoReturn:
    """Raises the DataError of a foreign value that is not what it should be."""
    raise DataError(f"{where}: expected {what}, found {shown(found)}" + (f"; {remedy}" if remedy else ""))


def field(row: Any, key: str, kind: type | tuple[type, ...], where: str, default: Any = ...) -> Any:
    """`row[key]`, checked. Raises DataError where it is missing (without `default`) or of another kind."""
    if not isinstance(row, dict):
        expected(where, f"an object with {key!r}", row)
    if key not in row:
        if default is ...:
            expected(where, f"the key {key!r}", list(row), "add it")
        return default
    value = row[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not object):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected(f"{where}: {key}", " or ".join(k.__name__ for k in kinds), value)
    return value


def array(row: Any, key: str, where: str, default: Any = ...) -> list[Any]:
    """The list under `key`. Raises DataError."""
    found: list[Any] = field(row, key, list, where, default)
    return found


def offsets(first: Any, last: Any, where: str, limit: int, unit: str) -> tuple[int, int]:
    """A half-open range within `limit` units, not empty. Raises DataError."""
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (first, last))
    if not whole or not 0 <= first < last <= limit:
        expected(where, f"0 <= start < end <= {limit} in {unit} (end exclusive)", [first, last])
    return first, last


def span_at(text: str, first: Any, last: Any, where: str, said: Any = None) -> Span:
    """The span of `text` at code points, which must read as `said` (None: not told). Raises DataError."""
    start, end = offsets(first, last, where, len(text), "code points")
    if said is not None and said != text[start:end]:
        expected(where, f"{text[start:end]!r}, the text at {start}:{end}", said, "check how the offsets were counted")
    return Span.of(text, start, end)


def defaults(ontology: Ontology | None) -> dict[str, str]:
    """What an event is by modality and polarity where a file does not say it; None: the packaged ontology."""
    return (ontology or Ontology.default()).defaults


def named(
    documents: Iterable[Document], *, usable: Callable[[str], object] = bool
) -> Iterator[tuple[str, Document]]:
    """The documents with unique ids: their own; for one without, its place `FILE#START`, else `document-N` (from 1).

    The place is what `ahdath classify` leaves in `meta`, named as `ahdath label` names it. It is passed over where it
    stands already or is not `usable` as a name. Raises DataError for an id that stands twice.
    """
    taken = set[str]()
    for number, document in enumerate(documents, 1):
        name = document.id or _place(document)
        if not document.id and (name in taken or not usable(name)):
            name = f"document-{number}"
        if name in taken:
            expected(f"document {number}", "every id once", name, "rename one of the two")
        taken.add(name)
        yield name, document


def _place(document: Document) -> str:
    file, start = document.meta.get("file"), document.meta.get("start")
    whole = isinstance(start, int) and not isinstance(start, bool)
    return f"{file}#{start}" if isinstance(file, str) and file and whole else ""
