"""OmniEvent's unified JSON lines: a line is a document, `position` counts characters, the end is exclusive.

Keys after https://github.com/THU-KEG/OmniEvent/blob/main/scripts/data_processing/ReadME.md: `id`, `text`, `events`
(`type`, `triggers` with `id`, `trigger_word`, `position`, `arguments` with `role` and `mentions`), `negative_triggers`,
`entities`; its example has `sentenced` at `[19, 28]`. `negative_triggers` are all words that are in no trigger, as its
readers expect in training data.

In OmniEvent the triggers of one event tell the same event; here every trigger is an event of its own, and every mention
of an argument an argument. Modality, polarity, scores, sentences and meta have no place in the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from ahdath.formats.losses import Losses
from ahdath.formats.records import (
    array,
    decoded_lines,
    defaults,
    expected,
    field,
    json_line,
    named,
    read_text,
    span_at,
    write_text,
)
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from ahdath.text import words

__all__ = ["dumps", "loads", "read", "write"]

NAME = "OmniEvent"


def dumps(documents: Sequence[Document], *, entity_type: str = "Entity") -> str:
    """The documents as lines of unified JSON; every argument span is an entity of `entity_type`."""
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids",))
    lines = [json_line(_row(name, document, entity_type)) for name, document in named(documents)]
    losses.warn()
    return "".join(lines)


def _row(name: str, document: Document, entity_type: str) -> dict[str, Any]:
    mentions: dict[tuple[int, int], dict[str, Any]] = {}

    def mention(span: Span) -> dict[str, Any]:
        place = (span.start, span.end)
        new = {"id": f"{name}-m{len(mentions)}", "mention": span.text, "position": list(place)}
        return mentions.setdefault(place, new)

    events = [
        {
            "type": event.type,
            "triggers": [
                {
                    "id": f"{name}-e{number}",
                    "trigger_word": event.trigger.text,
                    "position": [event.trigger.start, event.trigger.end],
                    "arguments": [{"role": a.role, "mentions": [mention(a.span)]} for a in event.arguments],
                }
            ],
        }
        for number, event in enumerate(document.events)
    ]
    taken = [(event.trigger.start, event.trigger.end) for event in document.events]
    free = [(a, b) for a, b in words(document.text) if all(b <= start or end <= a for start, end in taken)]
    negative = [
        {"id": number, "trigger_word": document.text[a:b], "position": [a, b]} for number, (a, b) in enumerate(free)
    ]
    entities = [{"type": entity_type, "mentions": [found]} for found in mentions.values()]
    return {"id": name, "text": document.text, "events": events, "negative_triggers": negative, "entities": entities}


def loads(content: str, source: str = NAME, *, ontology: Ontology | None = None) -> list[Document]:
    """The documents of lines of unified JSON. Raises DataError with `source` and the line.

    Events carry `ontology` (None: the packaged one) and have the default values of its attributes.
    """
    return decoded_lines(content, source, NAME, lambda row, where, losses: _document(row, where, losses, ontology))


def _document(row: Any, where: str, losses: Losses, ontology: Ontology | None) -> Document:
    text = field(row, "text", str, where)
    events, filled, said = [], list[list[int]](), defaults(ontology)
    for number, event in enumerate(array(row, "events", where, [])):
        place = f"{where}: event {number}"
        triggers = array(event, "triggers", place)
        losses.add("links between triggers of one event", max(0, len(triggers) - 1))
        for trigger in triggers:
            arguments = tuple(
                Argument(field(argument, "role", str, place), _span(text, mention, "mention", place))
                for argument in array(trigger, "arguments", place, [])
                for mention in array(argument, "mentions", place)
            )
            filled += [[a.span.start, a.span.end] for a in arguments]
            kind = field(event, "type", str, place)
            word = _span(text, trigger, "trigger_word", place)
            events.append(Event(kind, word, arguments, said["modality"], said["polarity"], ontology=ontology))
    mentions = [m for entity in array(row, "entities", where, []) for m in array(entity, "mentions", where)]
    others = sum(array(m, "position", where) not in filled for m in mentions)
    losses.add("entity mentions that are no argument", others)
    return Document(text, tuple(events), id=str(field(row, "id", (str, int), where)))


def _span(text: str, row: Any, said: str, where: str) -> Span:
    position = array(row, "position", where)
    if len(position) != 2:
        expected(f"{where}: position", "[start, end]", position)
    return span_at(text, position[0], position[1], where, field(row, said, str, where))


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """Reads a file with `loads`."""
    return loads(read_text(path), str(path), ontology=ontology)
