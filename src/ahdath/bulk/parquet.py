"""Parquet -> raw rows, from any row on; only the columns of text and id are read, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ahdath.bulk.inputs import Source
from ahdath.bulk.reading import Cut, Place, Raw, columns_of
from ahdath.bulk.settings import LabelSettings
from ahdath.errors import ConfigError, DataError

__all__ = ["parquet_rows"]

_ROWS = 256  # that are held at a time


def parquet_rows(source: Source, settings: LabelSettings, place: Place) -> Iterator[Cut]:
    """The rows of a Parquet file, as `reading.records` gives them; content is `(id, text)`, numbers count from 1.

    Raises DataError for a file that is damaged, ConfigError for one without the columns, or without texts in them.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.path, pre_buffer=False, buffer_size=1 << 20) as file:
            text, name = columns_of(list(file.schema_arrow.names), settings)
            _texts(file.schema_arrow.field(text))
            yield from _rows(file, text, name, place.at)
    except (pa.ArrowException, OSError) as error:
        found = " ".join(str(error).split())
        raise DataError(f"{source.name}: expected a Parquet file, found: {found}") from error
    except ConfigError as error:
        raise ConfigError(f"{source.name}: {error}") from error


def _texts(field: Any) -> None:
    import pyarrow as pa

    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()):
        raise ConfigError(f"expected texts in the column {field.name!r} (text_column), found {field.type}")


def _rows(file: Any, text: str, name: str | None, skip: int) -> Iterator[Cut]:
    """Whole row groups before `skip` are not touched; the rest of its own is read over."""
    first = at = 0
    while first < file.num_row_groups and at + file.metadata.row_group(first).num_rows <= skip:
        at += file.metadata.row_group(first).num_rows
        first += 1
    groups = list(range(first, file.num_row_groups))
    wanted = list(dict.fromkeys(column for column in (text, name) if column is not None))
    for batch in file.iter_batches(_ROWS, row_groups=groups, columns=wanted) if groups else ():
        texts = batch.column(batch.schema.get_field_index(text))
        names = None if name is None else batch.column(batch.schema.get_field_index(name))
        for number in range(max(skip - at, 0), len(batch)):
            raw = _raw(at + number + 1, texts[number], None if names is None else names[number])
            content = raw.content[1]
            yield Cut((raw,), Place(at + number + 1, at + number + 2), len(content) * 2 if content else 0)
        at += len(batch)


def _raw(row: int, text: Any, name: Any) -> Raw:
    try:
        return Raw(row, (None if name is None else _id(name), text.as_py()))
    except UnicodeDecodeError as error:  # Parquet files may hold any bytes under the name of a string
        return Raw(row, (None, None), None, f"expected UTF-8, found other bytes at byte {error.start} of the text")


def _id(name: Any) -> Any:
    """The value of an id; as text where Python has no value for it: a nanosecond, a year beyond 9999."""
    import pyarrow as pa

    try:
        return name.as_py()
    except UnicodeDecodeError:
        raise
    except (ValueError, OverflowError, KeyError):  # a KeyError: a time zone that nobody knows
        try:
            return name.cast(pa.string()).as_py()
        except pa.ArrowException:  # the row matters more than its id
            return None
