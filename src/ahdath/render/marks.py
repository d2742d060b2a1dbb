"""What HTML and terminal share: the spans of an event with name and colour, and a text cut where they begin and end.

This module writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ahdath.ontology import Ontology
from ahdath.schema import Document, Event, Span

__all__ = [
    "Mark",
    "Names",
    "argument_marks",
    "heading_of",
    "ontology_of",
    "place_of",
    "role_name",
    "segments",
    "stacked",
    "told_as",
    "trigger_mark",
    "type_hue",
    "type_name",
]

Names = Literal["ar", "en"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How a span is shown: `kind` is trigger or argument, `hue` its colour in degrees, `label` stands behind it.

    `event` is the number of its event in the document, `lane` says how far below the text an argument is underlined.
    """

    span: Span
    kind: str
    hue: int
    label: str
    title: str
    event: int = 0
    lane: int = 0


def segments(start: int, end: int, marks: Sequence[Mark]) -> Iterator[tuple[int, int, list[Mark]]]:
    """`start:end` cut at every edge of a mark, each piece with the marks that cover it; any overlap is allowed."""
    edges = {start, end}
    opening: dict[int, list[Mark]] = {}
    for mark in marks:
        first, last = max(mark.span.start, start), min(mark.span.end, end)
        if first < last:
            edges |= {first, last}
            opening.setdefault(first, []).append(mark)
    active: list[Mark] = []
    for a, b in pairwise(sorted(edges)):
        active = [mark for mark in active if mark.span.end > a] + opening.get(a, [])
        yield a, b, active


def stacked(marks: Iterable[Mark]) -> list[Mark]:
    """The marks, arguments that overlap in lanes of their own; the same span in the same colour keeps one lane.

    A mark keeps its lane from its first to its last letter, so that a reader can follow each of two that cross.
    """
    lanes: list[tuple[int, Span, int]] = []  # of every lane: where it is taken to, and by which span and hue
    placed = []
    for mark in sorted(marks, key=lambda mark: (mark.span.start, -mark.span.end)):
        if mark.kind != "argument":
            placed.append(mark)
            continue
        fits = (n for n, (end, *kept) in enumerate(lanes) if end <= mark.span.start or kept == [mark.span, mark.hue])
        lane = next(fits, len(lanes))
        lanes[lane : lane + 1] = [(mark.span.end, mark.span, mark.hue)]
        placed.append(replace(mark, lane=lane))
    return placed


def place_of(names: Sequence[str], name: str) -> int:
    """Where a name stands in the ontology; behind all others where it does not have it."""
    return names.index(name) if name in names else len(names)


def _hue(place: int) -> int:
    """A colour of its own for every place: steps by the golden angle keep neighbours apart."""
    return round(place * 137.508) % 360


def type_hue(ontology: Ontology, name: str) -> int:
    """The colour of an event type, in degrees."""
    return _hue(place_of(ontology.type_names, name))


def ontology_of(event: Event) -> Ontology:
    """The ontology of an event, the packaged one if it carries none."""
    return event.ontology or Ontology.default()


def type_name(ontology: Ontology, name: str, names: Names) -> str:
    """What a type is called in that language; its own name where the ontology has no other."""
    known = ontology.types.get(name)
    return (known.ar if known and names == "ar" else "") or name


def role_name(ontology: Ontology, name: str, names: Names) -> str:
    """What a role is called in that language; its own name where the ontology has no other."""
    known = ontology.roles.get(name)
    return (known.ar if known and names == "ar" else "") or name


def trigger_mark(event: Event, label: str, number: int = 0) -> Mark:
    """The mark of an event's trigger, its score in the title."""
    title = f"{event.type} {event.score:.2f}"
    return Mark(event.trigger, "trigger", type_hue(ontology_of(event), event.type), label, title, number)


def argument_marks(event: Event, names: Names, number: int = 0) -> Iterator[Mark]:
    """The marks of an event's arguments, labelled with their roles; a `number` of the event stands in the title."""
    ontology = ontology_of(event)
    for one in event.arguments:
        label = role_name(ontology, one.role, names)
        of = f" ({number})" if number else ""
        hue = (_hue(place_of(ontology.role_names, one.role)) + 60) % 360
        yield Mark(one.span, "argument", hue, label, f"{label}{of} {one.score:.2f}", number)


def told_as(event: Event) -> list[str]:
    """The attribute values that are not the usual ones, such as `other` and `negative`."""
    usual = ontology_of(event).defaults
    values = {"modality": event.modality, "polarity": event.polarity}
    return [value for name, value in values.items() if value != usual[name]]


def heading_of(document: Document) -> str:
    """The document's id, or the file and offset it is from; may be empty."""
    file, start = document.meta.get("file"), document.meta.get("start")
    if document.id or file is None:
        return document.id
    return str(file) if start is None else f"{file}:{start}"
