"""DyGIE++ JSON lines: a line is a document, offsets count the tokens of the document, the end is INclusive.

Keys after https://github.com/dwadden/dygiepp/blob/master/doc/data.md: `doc_key`, `dataset`, `sentences` (lists of
tokens), `ner` (`[start, end, label]`), `relations`, `events` (`[[trigger, type], [start, end, role], …]`), each with a
list for every sentence; its example has `[17, 17, "Date"]` for one token. A trigger is a single token there, so one of
several words is cut to its first word. The text is lost: reading joins tokens by spaces. Modality, polarity, scores and
meta have no place in the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from ahdath.formats.losses import Losses
from ahdath.formats.placing import PlacedArgument, PlacedEvent, Window, join, locate, place
from ahdath.formats.records import (
    array,
    decoded_lines,
    expected,
    field,
    json_line,
    named,
    read_text,
    write_text,
)
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["dumps", "loads", "read", "write"]

NAME = "DyGIE++"


def dumps(documents: Sequence[Document], *, entity_type: str = "Entity", dataset: str = "ahdath") -> str:
    """The documents as lines of DyGIE++ JSON; every argument span is an entity of `entity_type`.

    >>> from ahdath.schema import Argument, Event, Span
    >>> text = "أمس قصفت الطائرات حلب"
    >>> attack = Event("Conflict.Attack", Span.of(text, 4, 8), (Argument("Place", Span.of(text, 18, 21)),))
    >>> '"events":[[[[1,"Conflict.Attack"],[3,3,"Place"]]]]' in dumps([Document(text, [attack], id="a")])
    True
    """
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "sentences"))
    lines = []
    for name, document in named(documents):
        windows = [window for window in place(document, losses) if window.words]
        starts = [sum(len(w.words) for w in windows[:n]) for n in range(len(windows))]
        events, ner = [], []
        for start, window in zip(starts, windows, strict=True):
            losses.add("triggers of several words (cut to the first)", sum(e.last - e.first > 1 for e in window.events))
            events.append(
                [
                    [[start + e.first, e.type], *([start + a.first, start + a.last - 1, a.role] for a in e.arguments)]
                    for e in window.events
                ]
            )
            spans = sorted({(a.first, a.last) for e in window.events for a in e.arguments})
            ner.append([[start + a, start + b - 1, entity_type] for a, b in spans])
        sentences = [window.forms() for window in windows]
        joined = " ".join(form for forms in sentences for form in forms)
        losses.add("texts that are not their words with a space between (made so)", int(joined != document.text))
        head = {"doc_key": name, "dataset": dataset, "sentences": sentences}
        lines.append(json_line({**head, "ner": ner, "relations": [[] for _ in windows], "events": events}))
    losses.warn()
    return "".join(lines)


def loads(content: str, source: str = NAME, *, ontology: Ontology | None = None) -> list[Document]:
    """The documents of lines of DyGIE++ JSON. Raises DataError with `source` and the line.

    Events carry `ontology` (None: the packaged one) and have the default values of its attributes.
    """
    return decoded_lines(content, source, NAME, lambda row, where, losses: _document(row, where, losses, ontology))


def _document(row: Any, where: str, losses: Losses, ontology: Ontology | None) -> Document:
    sentences = array(row, "sentences", where)
    for number, tokens in enumerate(sentences):
        if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
            expected(f"{where}: sentence {number}", "a list of tokens", tokens)
    events = array(row, "events", where, [[] for _ in sentences])
    if len(events) != len(sentences):
        expected(f"{where}: events", f"{len(sentences)} lists, one for every sentence", len(events))
    windows, start, filled = [], 0, list[list[int]]()
    for number, (tokens, listed) in enumerate(zip(sentences, events, strict=True)):
        text = " ".join(tokens)
        place_ = f"{where}: events of sentence {number}"
        if not isinstance(listed, list):
            expected(place_, "a list of events", listed)
        made = tuple(_event(event, start, start + len(tokens), place_) for event in listed)
        filled += [[start + a.first, start + a.last - 1] for event in made for a in event.arguments]
        windows.append(Window(text, locate(tokens, text, where), made))
        start += len(tokens)
    losses.add("entities that are no argument", sum(e[:2] not in filled for e in _all(row, "ner", where)))
    losses.add("relations", len(_all(row, "relations", where)))
    losses.add("clusters", len(array(row, "clusters", where, [])))
    return join(field(row, "doc_key", str, where), windows, ontology)


def _all(row: Any, key: str, where: str) -> list[list[Any]]:
    """The lists in the lists of the sentences under `key`."""
    groups = array(row, key, where, [])
    found = [item for group in groups if isinstance(group, list) for item in group]
    if not all(isinstance(item, list) for item in groups + found):
        expected(f"{where}: {key}", "a list of lists for every sentence", groups)
    return found


def _event(event: Any, start: int, end: int, where: str) -> PlacedEvent:
    """An event of the sentence that has the tokens start..end (end exclusive) of the document."""
    shape = "[[trigger, type], [start, end, role], …]"
    if not isinstance(event, list) or not event or not all(isinstance(part, list) for part in event):
        expected(where, shape, event)
    fits = len(event[0]) in (2, 3) and all(len(part) == 3 for part in event[1:])
    if not fits or not all(isinstance(part[-1], str) for part in event):
        expected(where, shape, event)

    def inside(first: Any, last: Any) -> tuple[int, int]:
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (first, last))
        if not whole or not start <= first <= last < end:
            expected(where, f"{start} <= start <= end < {end} in tokens of the document (end inclusive)", [first, last])
        return first - start, last - start + 1

    *places, kind = event[0]
    arguments = tuple(PlacedArgument(role, *inside(a, b)) for a, b, role in event[1:])
    return PlacedEvent(kind, *inside(places[0], places[-1]), arguments)


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """Reads a file with `loads`."""
    return loads(read_text(path), str(path), ontology=ontology)
