"""A document for the terminal: its text and a table of its events, for `rich.print`.

This module knows no HTML and prints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ahdath.render.marks import (
    Mark,
    argument_marks,
    heading_of,
    ontology_of,
    segments,
    told_as,
    trigger_mark,
    type_name,
)
from ahdath.schema import Document, Event

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["terminal"]

# What would act on a terminal, or reorder what stands behind it; joiners and direction marks are harmless.
_ACTING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def terminal(document: Document, *, sentences: bool = False) -> RenderableType:
    """The text and a table of its events, for `rich.print`; `sentences` shows the event types of sentences instead.

    Columns go from right to left: type with its Arabic name below, trigger, role, argument, attributes that are
    not the usual ones, score. Arabic columns have Latin ones between them, so that a terminal that reorders
    each line by itself (as all do that know Arabic) cannot swap two columns.
    """
    from rich.align import Align
    from rich.console import Group
    from rich.text import Text

    marks = [] if sentences else [mark for event in document.events for mark in _marks(event)]
    text = Text(justify="right", overflow="fold")
    for a, b, covering in segments(0, len(document.text), marks):
        kinds = {mark.kind for mark in covering}
        style = "bold red" if "trigger" in kinds else "underline" if kinds else ""
        text.append(_plain(document.text[a:b], keep="\n"), style)
    heading = heading_of(document)
    parts: list[RenderableType] = [Text(_plain(heading), "dim", overflow="fold")] if heading else []
    if sentences:
        body: RenderableType = _sentence_rows(document)
    else:
        body = _event_rows(document) if document.events else Text("no events", "dim")
    return Group(*parts, text, Align.right(body), "")


def _marks(event: Event) -> Iterator[Mark]:
    yield trigger_mark(event, "")
    yield from argument_marks(event, "en")


def _plain(text: str, keep: str = "") -> str:
    """`text` with acting characters as escapes (`\\x1b`), and tabs as spaces, which have one width."""
    escaped = _ACTING.sub(lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode("ascii"), text)
    return escaped.replace("\t", " ")


def _grid(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.ROUNDED, header_style="dim", border_style="dim")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _event_rows(document: Document) -> Table:
    from rich.text import Text

    table = _grid("score", "told as", "argument", "role", "trigger", "type")
    for event in document.events:
        arabic = type_name(ontology_of(event), event.type, "ar")
        columns = (
            [Text(f"{event.score:.2f}")],
            [Text(_plain(value), "yellow") for value in told_as(event)],
            [Text(_plain(one.span.text)) for one in event.arguments],
            [Text(_plain(one.role), "cyan") for one in event.arguments],
            [Text(_plain(event.trigger.text), "bold red")],
            [Text(_plain(event.type), "bold"), *([Text(_plain(arabic))] if arabic != event.type else [])],
        )
        for cells, last in _rows(columns):
            table.add_row(*cells, end_section=last)
    return table


def _sentence_rows(document: Document) -> Table:
    from rich.text import Text

    table = _grid("score", "sentence", "type")
    for sentence in document.sentences:
        scores = [Text(f"{(sentence.scores or {}).get(name, 1.0):.2f}") for name in sentence.types]
        columns = (scores, [Text(_plain(sentence.text))], [Text(_plain(name), "bold") for name in sentence.types])
        for cells, last in _rows(columns):
            table.add_row(*cells, end_section=last)
    return table


def _rows(columns: Sequence[Sequence[Text]]) -> Iterator[tuple[tuple[Text | str, ...], bool]]:
    """Columns of unlike lengths as rows, filled up with empty cells; True marks the last row."""
    height = max(map(len, columns))
    for at in range(height):
        yield tuple(column[at] if at < len(column) else "" for column in columns), at == height - 1
