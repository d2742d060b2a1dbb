"""JSONL files of documents: one JSON object a line, the same keys on every line.

Lines are split at `\\n` only, so a text may hold any other line separator. A file with wrong lines is read to
its end and refused with all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from ahdath.errors import AhdathError, DataError, listed, shown
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["META_KEYS", "is_predicted", "load", "meta_keys", "read_jsonl", "refuse", "rows", "write_jsonl"]

META_KEYS = ("batch", "start")  # every row's meta has them


def read_jsonl(path: str | PathLike[str], ontology: Ontology | None = None) -> list[Document]:
    """The documents of a JSONL file: corpus rows, or what `write_jsonl` and `ahdath classify` wrote.

    With `ontology` every type, role and attribute is checked and the events carry it. Raises one DataError
    with the first twenty wrong lines, each as `file:line: expected, found`.
    """
    found, problems = load(path, lambda row: Document.from_dict(row, ontology))
    refuse(problems, str(path))
    return [document for _, document in found]


def write_jsonl(path: str | PathLike[str], documents: Iterable[Document]) -> None:
    """Writes documents one a line, compact, in UTF-8, every line with the same keys.

    Annotated documents become corpus rows; if any of them has scores or a model, all are written as
    `Document.to_dict` gives them, so that nothing is lost. Raises DataError for what JSON cannot hold, and
    then writes nothing.
    """
    content = b"".join(_line(row) for row in rows(documents))
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        found = error.strerror or error
        raise DataError(f"{path}: expected a file that can be written, found: {found}") from error


def rows(documents: Iterable[Document]) -> list[dict[str, Any]]:
    """The documents as plain rows with the same keys throughout, as `write_jsonl` writes them."""
    everything = list(documents)
    keys = meta_keys(everything)
    made = [{**d.to_dict(), "meta": {key: d.meta.get(key) for key in keys}} for d in everything]
    return made if any(map(is_predicted, everything)) else [_annotated(row) for row in made]


def is_predicted(document: Document) -> bool:
    """Whether a document holds more than annotation: scores, or what model made it."""
    if any(value is not None for value in (document.model, document.ontology, document.types)):
        return True
    scored = any(e.score < 1 or any(a.score < 1 for a in e.arguments) for e in document.events)
    return scored or any(sentence.scores is not None for sentence in document.sentences)


def meta_keys(documents: Iterable[Document]) -> list[str]:
    """The keys of the documents' meta: the fixed ones, then all others by name."""
    return [*META_KEYS, *sorted({key for document in documents for key in document.meta} - set(META_KEYS))]


def _annotated(row: dict[str, Any]) -> dict[str, Any]:
    def unscored(part: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in part.items() if key != "score"}

    events = [{**unscored(e), "arguments": [unscored(a) for a in e["arguments"]]} for e in row["events"]]
    kept = {key: row[key] for key in ("id", "text", "events", "sentences", "meta")}
    return {**kept, "events": events}


def _line(row: dict[str, Any]) -> bytes:
    where = f"Document {row['id']!r}"
    try:
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: meta: expected values that JSON can hold, found: {error}") from error
    try:
        return line.encode("utf-8")
    except UnicodeEncodeError as error:  # a lone surrogate: JSON can escape it, unless two make up a pair
        escaped = json.dumps(row, separators=(",", ":"))
        if json.loads(escaped) != row:
            found = "two surrogates in a row, which JSON reads as one character; replace them"
            raise DataError(f"{where}: expected a text that JSON can hold, found {found}") from error
        return escaped.encode("ascii") + b"\n"


def load(
    path: str | PathLike[str], parse: Callable[[Any], Document]
) -> tuple[list[tuple[int, Document]], list[str]]:
    """The documents of a file with their line numbers, and a problem `file:line: …` for every other line.

    Blank lines are passed over. Raises DataError when the file itself cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        found_instead = error.strerror or error
        raise DataError(f"{path}: expected a readable JSONL file, found: {found_instead}") from error
    found: list[tuple[int, Document]] = []
    problems: list[str] = []
    ids: dict[str, int] = {}
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            document = parse(_object(line))
            first = ids.setdefault(document.id, number)
            if document.id and first != number:
                raise DataError(f"id: expected every id once, found {document.id!r} on line {first} too")
            found.append((number, document))
        except AhdathError as error:
            problems.append(f"{path}:{number}: {one_line(error)}")
    return found, problems


def one_line(error: AhdathError) -> str:
    """The message of an error for a list of problems."""
    return str(error).replace("\n", "; ")


def refuse(problems: list[str], where: str) -> None:
    """Raises one DataError for all problems, if there are any."""
    if problems:
        raise DataError(f"{where}: {len(problems)} problem(s), nothing is taken from it:\n{listed(problems)}")


def _object(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        found = shown(line[error.start : error.start + 8])
        raise DataError(f"expected UTF-8, found {found}; save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        found = f"{shown(line.decode('utf-8'))} ({error})"
        raise DataError(f"expected one JSON object, found {found}; mend or remove the line") from error
