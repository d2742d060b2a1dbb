"""doccano JSON lines of a sequence-labelling project with relations; offsets count UTF-16 code units, end exclusive.

Keys after its own examples (https://github.com/doccano/doccano, backend/data_import/pipeline/examples/,
relation_extraction/example.jsonl): `text`, `entities` (`id`, `start_offset`, `end_offset`, `label`), `relations`
(`from_id`, `to_id`, `type`); without relations `label`: `[start, end, label]` triples
(sequence_labeling/example.jsonl). doccano counts as JavaScript does unless the project counts grapheme clusters
(https://github.com/doccano/doccano/issues/2290: in `👨🏻🚒 firemen drive firetrucks` it has `firetrucks` at 22..32, Python
at 19..29); `units` says otherwise for files that some program wrote in code points. Projects that count grapheme
clusters are not read.

Modality, polarity, scores, sentences and model have no place in the format; the id goes into a column `doc_id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal

from ahdath.formats.losses import Losses
from ahdath.formats.records import (
    array,
    decoded_lines,
    expected,
    field,
    json_line,
    plain_meta,
    read_text,
    span_at,
    write_text,
)
from ahdath.formats.regions import ARGUMENT, Region, Relation, events_of, from_utf16, regions_of, utf16_places
from ahdath.ontology import Ontology
from ahdath.schema import Document, Span

__all__ = ["dumps", "loads", "read", "write"]

NAME = "doccano"
Units = Literal["utf-16", "code points"]
_OWN = ("id", "doc_id", "text", "meta", "entities", "relations", "label", "labels", "Comments", "comments")


def dumps(documents: Sequence[Document], *, units: Units = "utf-16") -> str:
    """The documents as lines of JSON, ready to import; ids of entities and relations are unique in the file."""
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "meta"))
    lines, used = [], 0
    for document in documents:
        regions, relations = regions_of(document, ARGUMENT)
        numbers = {key: used + number for number, key in enumerate(regions)}
        places = utf16_places(document.text) if units == "utf-16" else range(len(document.text) + 1)
        entities = [
            {
                "id": numbers[key],
                "label": region.label,
                "start_offset": places[region.span.start],
                "end_offset": places[region.span.end],
            }
            for key, region in regions.items()
        ]
        links = [
            {"id": used + n, "from_id": numbers[r.source], "to_id": numbers[r.target], "type": r.role}
            for n, r in enumerate(relations)
        ]
        used += max(len(entities), len(links))
        head = {"doc_id": document.id, "text": document.text, "meta": plain_meta(document)}
        lines.append(json_line({**head, "entities": entities, "relations": links}))
    losses.warn()
    return "".join(lines)


def loads(
    content: str, source: str = NAME, *, units: Units = "utf-16", ontology: Ontology | None = None
) -> list[Document]:
    """The documents of exported lines. Raises DataError with `source` and the line.

    Events carry `ontology` (None: the packaged one) and have the default values of its attributes.
    """
    return decoded_lines(
        content, source, NAME, lambda row, where, losses: _document(row, where, units, losses, ontology)
    )


def _document(row: Any, where: str, units: Units, losses: Losses, ontology: Ontology | None) -> Document:
    text = field(row, "text", str, where)
    places = utf16_places(text)

    def span(start: object, end: object, place: str) -> Span:
        if units == "utf-16":
            start, end = from_utf16(places, start, end, place)
        return span_at(text, start, end, place)

    regions = {}
    for entity in array(row, "entities", where, []):
        key = str(field(entity, "id", (int, str), where))
        place = f"{where}: entity {key}"
        found = span(entity.get("start_offset"), entity.get("end_offset"), place)
        regions[key] = Region(field(entity, "label", str, place), found)
    for number, triple in enumerate(array(row, "label" if "label" in row else "labels", where, [])):
        place = f"{where}: label {number}"
        if not isinstance(triple, list) or len(triple) != 3 or not isinstance(triple[2], str):
            expected(place, "[start, end, label]", triple)
        regions[f"label-{number}"] = Region(triple[2], span(triple[0], triple[1], place))
    relations = [
        Relation(field(r, "type", str, where), str(r.get("from_id")), str(r.get("to_id")))
        for r in array(row, "relations", where, [])
    ]
    losses.add("comments", len(row.get("Comments") or row.get("comments") or ()))
    meta = field(row, "meta", dict, where, {}) | {key: value for key, value in row.items() if key not in _OWN}
    name = str(field(row, "doc_id", (str, int), where, field(row, "id", (str, int), where, "")))
    events = events_of(regions, relations, ARGUMENT, where, losses, ontology)
    return Document(text, events, id=name, meta=meta)


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """Reads a file with `loads`."""
    return loads(read_text(path), str(path), ontology=ontology)
