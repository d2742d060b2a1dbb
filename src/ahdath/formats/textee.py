"""OneIE and TextEE JSON lines: a line is a sentence, offsets count its tokens, the end is exclusive.

Keys after TextEE's data page (https://github.com/ej0cl6/TextEE/blob/main/data/README.md): `doc_id`, `wnd_id`, `text`,
`lang`, `tokens`, `entity_mentions` (`id`, `entity_type`, `text`, `start`, `end`), `event_mentions` (`id`, `event_type`,
`trigger`, `arguments` with `entity_id`, `role`, `text`, `start`, `end`), `relation_mentions`. Its example, `start` 2
and `end` 3 for the third token, fixes the convention.

OneIE's lines are read too; after its loader and its example (https://github.com/GerlinGreen/OneIE, data.py and
README.md) they have `sent_id` and `sentence` for `wnd_id` and `text`, and an argument names its entity without telling
where that stands. OneIE also wants `pieces` and `token_lens` of its own tokenizer and a `mention_type` for entities,
which are not written.

The lines of one `doc_id` become one document. Spaces between sentences, modality, polarity, scores and meta have no
place in the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from os import PathLike
from typing import Any

from ahdath.errors import AhdathError, DataError
from ahdath.formats.losses import Losses
from ahdath.formats.placing import PlacedArgument, PlacedEvent, Window, join, locate, place
from ahdath.formats.records import (
    array,
    expected,
    field,
    json_line,
    named,
    offsets,
    parse_lines,
    read_text,
    write_text,
)
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["dumps", "loads", "read", "write"]

NAME = "OneIE/TextEE"


def dumps(documents: Sequence[Document], *, entity_type: str = "Entity", lang: str = "ar") -> str:
    """The documents as lines of TextEE JSON, one a sentence; every argument span is an entity of `entity_type`.

    >>> from ahdath.schema import Event, Span
    >>> text = "أمس قصفت الطائرات حلب"
    >>> line = dumps([Document(text, [Event("Conflict.Attack", Span.of(text, 4, 8))], id="a")])
    >>> '"trigger":{"text":"قصفت","start":1,"end":2}' in line
    True
    """
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "sentences"))
    lines = []
    for name, document in named(documents):
        for number, window in enumerate(place(document, losses)):
            lines.append(json_line(_row(name, f"{name}-{number}", window, entity_type, lang)))
    losses.warn()
    return "".join(lines)


def _row(doc_id: str, wnd_id: str, window: Window, entity_type: str, lang: str) -> dict[str, Any]:
    spans = sorted({(a.first, a.last) for event in window.events for a in event.arguments})
    ids = {span: f"{wnd_id}-E{number}" for number, span in enumerate(spans)}

    def at(first: int, last: int) -> dict[str, Any]:
        return {"text": window.cut(first, last), "start": first, "end": last}

    events = [
        {
            "id": f"{wnd_id}-EV{number}",
            "event_type": event.type,
            "trigger": at(event.first, event.last),
            "arguments": [
                {"entity_id": ids[a.first, a.last], "role": a.role, **at(a.first, a.last)} for a in event.arguments
            ],
        }
        for number, event in enumerate(window.events)
    ]
    return {
        "doc_id": doc_id,
        "wnd_id": wnd_id,
        "text": window.text,
        "lang": lang,
        "tokens": window.forms(),
        "entity_mentions": [{"id": ids[span], "entity_type": entity_type, **at(*span)} for span in spans],
        "event_mentions": events,
        "relation_mentions": [],
    }


def loads(content: str, source: str = "TextEE", *, ontology: Ontology | None = None) -> list[Document]:
    """The documents of lines of TextEE or OneIE JSON. Raises DataError with `source` and the line.

    Without a text, the tokens are joined with spaces. Entity mentions that are no argument and relations are
    counted in a FormatWarning. Events carry `ontology` (None: the packaged one) and have the default values of its
    attributes.
    """
    losses = Losses(f"ahdath from {NAME}")
    rows = [(where, str(field(row, "doc_id", (str, int), where)), row) for where, row in parse_lines(content, source)]
    documents, seen = [], dict[str, str]()
    for doc_id, group in groupby(rows, key=lambda found: found[1]):
        lines = list(group)
        if doc_id in seen:
            remedy = f"it stands at {seen[doc_id]} too; put its lines together"
            expected(lines[0][0], "the lines of a document one after the other", doc_id, remedy)
        seen[doc_id] = lines[0][0]
        windows = [_window(row, where, losses) for where, _, row in lines]
        try:
            documents.append(join(doc_id, windows, ontology))
        except AhdathError as error:
            raise DataError(f"{lines[0][0]}: document {doc_id!r}: {error}") from error
    losses.warn()
    return documents


def _window(row: Any, where: str, losses: Losses) -> Window:
    tokens = array(row, "tokens", where)
    if not all(isinstance(token, str) for token in tokens):
        expected(f"{where}: tokens", "a list of str", tokens)
    text = field(row, "text" if "text" in row else "sentence", str, where, " ".join(tokens))
    bare = Window(text, locate(tokens, text, where))
    entities = array(row, "entity_mentions", where, [])
    if not all(isinstance(entity, dict) for entity in entities):
        expected(f"{where}: entity_mentions", "a list of objects", entities)
    known = {str(entity.get("id")): entity for entity in entities}
    events = tuple(
        _event(event, bare, known, f"{where}: event {n}") for n, event in enumerate(array(row, "event_mentions", where))
    )
    filled = [[a.first, a.last] for event in events for a in event.arguments]
    losses.add(
        "entity mentions that are no argument", sum([e.get("start"), e.get("end")] not in filled for e in entities)
    )
    losses.add("relation mentions", len(array(row, "relation_mentions", where, [])))
    return Window(bare.text, bare.words, events)


def _event(event: Any, window: Window, entities: Mapping[str, Any], where: str) -> PlacedEvent:
    first, last = _range(field(event, "trigger", dict, where), window, f"{where}: trigger")
    arguments = []
    for number, argument in enumerate(array(event, "arguments", where, [])):
        place = f"{where}: argument {number}"
        role = field(argument, "role", str, place)
        filler = argument if "start" in argument else _entity(argument, entities, place)
        arguments.append(PlacedArgument(role, *_range(filler, window, place)))
    return PlacedEvent(field(event, "event_type", str, where), first, last, tuple(arguments))


def _entity(argument: dict[str, Any], entities: Mapping[str, Any], where: str) -> Any:
    """The entity that OneIE's argument names, with the text that the argument says."""
    name = str(field(argument, "entity_id", (str, int), where))
    if name not in entities:
        expected(f"{where}: entity_id", "the id of an entity of the line, or start and end", name)
    return {**entities[name], **({"text": argument["text"]} if "text" in argument else {})}


def _range(row: Any, window: Window, where: str) -> tuple[int, int]:
    if not isinstance(row, dict):
        expected(where, "an object with start and end", row)
    first, last = offsets(row.get("start"), row.get("end"), where, len(window.words), "tokens")
    said = row.get("text")
    forms = window.forms()[first:last]
    spellings = ["".join(spelling.split()) for spelling in (window.cut(first, last), "".join(forms))]
    if said is not None and "".join(str(said).split()) not in spellings:
        raise DataError(
            f"{where}: expected {' '.join(forms)!r}, tokens {first}:{last} (end exclusive), found {said!r}; "
            "count tokens of the sentence from 0"
        )
    return first, last


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """Reads a file with `loads`."""
    return loads(read_text(path), str(path), ontology=ontology)
