"""Labelled regions and relations between them <-> events: what the annotation tools share.

An event is a region labelled with its type; a relation labelled with a role leads from it to the region that fills
the role. Regions that only fill roles carry one label, `ARGUMENT`, that is no event type. This module also counts
UTF-16 code units, in which JavaScript counts text. It knows no format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from ahdath.formats.losses import Losses
from ahdath.formats.records import defaults, expected
from ahdath.ontology import ARGUMENT, Ontology
from ahdath.schema import Argument, Document, Event, Span

__all__ = ["ARGUMENT", "Region", "Relation", "events_of", "from_utf16", "regions_of", "utf16_places"]

class Region(NamedTuple):
    """A labelled span; `modality` and `polarity` are None where nothing is said."""

    label: str
    span: Span
    score: float = 1.0
    modality: str | None = None
    polarity: str | None = None


class Relation(NamedTuple):
    """A role, from the region of an event to the region that fills it (both by key)."""

    role: str
    source: str
    target: str


def regions_of(document: Document, label: str) -> tuple[dict[str, Region], list[Relation]]:
    """The regions of a document by key (`t0` the first event's, `a0` the first argument's) and its relations.

    Every event has a region of its own; arguments with the same span share one.
    """
    regions: dict[str, Region] = {}
    relations, keys = [], dict[tuple[int, int], str]()
    for number, event in enumerate(document.events):
        regions[f"t{number}"] = Region(event.type, event.trigger, event.score, event.modality, event.polarity)
        for argument in event.arguments:
            place = (argument.span.start, argument.span.end)
            key = keys.setdefault(place, f"a{len(keys)}")
            regions.setdefault(key, Region(label, argument.span))
            relations.append(Relation(argument.role, f"t{number}", key))
    return regions, relations


def events_of(
    regions: Mapping[str, Region],
    relations: Iterable[Relation],
    label: str,
    where: str,
    losses: Losses,
    ontology: Ontology | None,
) -> tuple[Event, ...]:
    """The events of regions and relations, in the order of the regions.

    A region is an event unless its label is `label`; such a region without a relation to it, and a relation from
    such a region, are counted in `losses`. Events carry `ontology` (None: the packaged one), whose defaults fill what
    a region does not say. Raises DataError for a relation to or from a region that is not there.
    """
    arguments: dict[str, list[Argument]] = {}
    filled = set()
    for relation in relations:
        for key in (relation.source, relation.target):
            if key not in regions:
                expected(f"{where}: relation {relation.role}", "ids of regions", key, "add the region or drop it")
        if regions[relation.source].label == label:
            losses.add("relations that start at an argument")
            continue
        filled.add(relation.target)
        made = Argument(relation.role, regions[relation.target].span)
        arguments.setdefault(relation.source, []).append(made)
    events, said = [], defaults(ontology)
    for key, region in regions.items():
        if region.label == label:
            losses.add("arguments that no event has", int(key not in filled))
            continue
        modality = region.modality or said["modality"]
        polarity = region.polarity or said["polarity"]
        found = tuple(arguments.get(key, ()))
        events.append(Event(region.label, region.span, found, modality, polarity, region.score, ontology))
    return tuple(events)


def utf16_places(text: str) -> list[int]:
    """For every code point of `text`, and its end, the offset in UTF-16 code units.

    >>> utf16_places("😀ا")
    [0, 2, 3]
    """
    return list(accumulate((1 + (character > "\uffff") for character in text), initial=0))


def from_utf16(places: Sequence[int], start: object, end: object, where: str) -> tuple[int, int]:
    """Code points for a range in UTF-16 code units. Raises DataError for a border inside a character."""
    known = {place: number for number, place in enumerate(places)}
    if not isinstance(start, int) or not isinstance(end, int) or start not in known or end not in known:
        expected(where, f"offsets from 0 to {places[-1]} in UTF-16 code units, between characters", [start, end])
    return known[start], known[end]
