"""A flat table, a row for every event, as people who count events want it: CSV or Parquet. Out only.

`columns` says which roles fill which column: the roles of a column are tried in order and the first one that the event
has gives the cell, several fillers joined by ` | `. The parties of a meeting or agreement, who are on an equal footing,
are both actor and recipient where nothing else fills these. `plover` and `mode` come from the ontology's crosswalk.
Times and places are the words of the text, not resolved. Arguments that fill no column are counted in a FormatWarning.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ahdath.errors import DataError
from ahdath.formats.losses import Losses
from ahdath.formats.records import expected, named, write_text
from ahdath.ontology import Ontology
from ahdath.schema import Document, Event

__all__ = ["COLUMNS", "FIELDS", "dumps_csv", "fillers", "rows", "write"]

NAME = "table"
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "actor": ("Agent", "Participant"),
        "recipient": ("Target", "Victim", "Recipient", "Participant"),
        "place": ("Place", "Destination", "Origin"),
        "date": ("Time",),
    }
)
"""Which roles fill a column, in order of preference."""
FIELDS = (
    "document", "event", "type", "plover", "mode", "modality", "polarity", "actor", "recipient", "place", "date",
    "trigger", "start", "end", "score", "model", "ontology",
)  # fmt: skip
"""The columns of the table; `event` counts the events of a document from 0, `start` and `end` are code points."""


def fillers(event: Event, columns: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[str]], int]:
    """The texts that fill each column, and how many arguments fill none."""
    cells, used = {}, set()
    for column, roles in columns.items():
        role = next((role for role in roles if any(a.role == role for a in event.arguments)), None)
        cells[column] = [a.span.text for a in event.arguments if a.role == role]
        used.add(role)
    return cells, sum(a.role not in used for a in event.arguments)


def rows(
    documents: Iterable[Document], *, columns: Mapping[str, Sequence[str]] = COLUMNS
) -> list[dict[str, str | int | float | None]]:
    """The rows as dicts with the keys `FIELDS`; None where there is nothing.

    Raises DataError for a column in `columns` that the table does not have and for an id that stands twice.
    """
    for column in columns:
        if column not in COLUMNS:
            expected("columns", f"only {', '.join(COLUMNS)}", column)
    losses = Losses(NAME)
    found: list[dict[str, str | int | float | None]] = []
    for name, document in named(documents):
        losses.document_parts([document], holds=("ids", "attributes", "scores", "model", "ontology"))
        losses.add("scores of arguments", sum(a.score < 1 for event in document.events for a in event.arguments))
        for number, event in enumerate(document.events):
            cells, left = fillers(event, columns)
            losses.add("arguments that fill no column", left)
            known = event.type in (event.ontology or Ontology.default()).types
            plover = (event.plover if known else None) or {}
            found.append(
                {
                    "document": name,
                    "event": number,
                    "type": event.type,
                    "plover": plover.get("event"),
                    "mode": plover.get("mode"),
                    "modality": event.modality,
                    "polarity": event.polarity,
                    **{column: " | ".join(cells.get(column, ())) or None for column in COLUMNS},
                    "trigger": event.trigger.text,
                    "start": event.trigger.start,
                    "end": event.trigger.end,
                    "score": event.score,
                    "model": document.model,
                    "ontology": document.ontology,
                }
            )
    losses.warn()
    return found


def dumps_csv(table: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """Rows as CSV with a header, lines ended by a line feed, None as an empty cell."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return stream.getvalue()


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes the table, as the ending of `path` says: `.csv` or `.parquet`. Raises DataError for another."""
    kind = Path(path).suffix.lower()
    if kind == ".csv":
        write_text(path, dumps_csv(rows(documents), FIELDS))
    elif kind == ".parquet":
        _write_parquet(rows(documents), path)
    else:
        expected(str(path), "a name that ends in .csv or .parquet", kind or Path(path).name, "rename the output")


def _write_parquet(table: list[dict[str, str | int | float | None]], path: str | PathLike[str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"event": pa.int64(), "start": pa.int64(), "end": pa.int64(), "score": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in FIELDS])
    try:
        parquet.write_table(pa.Table.from_pylist(table, schema=schema), str(path))
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be written, found: {error.strerror or error}") from error
