"""Gold and predicted documents side by side, and what is counted in one paragraph: gold, predicted, correct.

The keys of TI, TC, AI, AC, AI+, AC+ are those of the scorer of TextEE (K.-H. Huang et al., TextEE:
Benchmark, Reevaluation, Reflections, and Future Challenges in Event Extraction, Findings of ACL 2024): sets,
so that what stands twice in a paragraph counts once. This module knows nothing of intervals or reports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from ahdath.errors import DataError, shown
from ahdath.schema import Document, Event

__all__ = [
    "ATTRIBUTES",
    "Column",
    "Pair",
    "Tally",
    "align",
    "by_trigger",
    "event_keys",
    "mistakes",
    "overlap_matches",
    "paragraph_counts",
    "paragraph_types",
    "sentence_keys",
    "tally",
    "trigger_key",
]

Column = tuple[str, ...]
"""What a count is of: ("TC",) all of a measure, ("TC", "Conflict.Attack") a part of it."""

Key = tuple[int | str, ...]
Keys = set[Key]
Counts = tuple[int, int, int]
"""gold, predicted, correct"""

Pair = tuple[Document, Document]
"""gold, predicted"""

Range = tuple[int, int]
TriggerKey = tuple[int, int, str]
"""Start and end of the trigger, type of the event."""

ATTRIBUTES = ("modality", "polarity")
"""The attributes that an Event has."""


def align(gold: Iterable[Document], predicted: Iterable[Document]) -> list[Pair]:
    """Pairs of documents about the same text, in the order of `gold`.

    By id where the ids of both sides are unique and the same set, otherwise by order; the texts must be equal
    either way. Raises DataError that says which documents do not fit.
    """
    golds, guesses = _documents(gold, "gold"), _documents(predicted, "predicted")
    if not golds:
        raise DataError("there are no gold documents; expected at least one to score against.")
    by_id = {document.id: document for document in guesses}
    ids = {document.id for document in golds}
    if len(ids) == len(golds) and len(by_id) == len(guesses) and ids == set(by_id) and "" not in ids:
        pairs = [(document, by_id[document.id]) for document in golds]
    elif len(golds) != len(guesses):
        lacking = sorted(ids - set(by_id) - {""})[:3]
        hint = f" No prediction has the id {', '.join(map(repr, lacking))}." if lacking else ""
        raise DataError(f"{len(golds)} gold documents but {len(guesses)} predicted; expected one each.{hint}")
    else:
        pairs = list(zip(golds, guesses, strict=True))
    for number, (one, other) in enumerate(pairs, 1):
        if one.text != other.text:
            places = zip_longest(one.text, other.text)
            place = next(at for at, (a, b) in enumerate(places) if a != b)
            here, there = (shown(text[place : place + 20]) for text in (one.text, other.text))
            raise DataError(
                f"document {number} (id {one.id!r}, predicted id {other.id!r}): the texts differ from "
                f"character {place}: gold {here}, predicted {there}. "
                "Expected predictions for the same texts, untouched, with the same ids or in the same order."
            )
    return pairs


def _documents(documents: Iterable[Document], side: str) -> list[Document]:
    found = list(documents)
    for number, document in enumerate(found, 1):
        if not isinstance(document, Document):
            raise DataError(
                f"entry {number} of {side} is a {type(document).__name__}; expected a Document "
                "(Document.from_dict makes one of a dict)."
            )
    return found


def trigger_key(event: Event) -> TriggerKey:
    """(start, end, type): what makes two mentions of events the same one."""
    return event.trigger.start, event.trigger.end, event.type


def event_keys(document: Document) -> dict[str, Keys]:
    """The sets that TextEE compares, by measure.

    TI (start, end) of the trigger; TC with the type; AI (type, start and end of the argument); AC with the
    role; AI+ and AC+ the same with the trigger's start and end in front.
    """
    keys: dict[str, Keys] = {name: set() for name in ("TI", "TC", "AI", "AC", "AI+", "AC+")}
    for event in document.events:
        trigger = (event.trigger.start, event.trigger.end)
        keys["TI"].add(trigger)
        keys["TC"].add((*trigger, event.type))
        for argument in event.arguments:
            place = (event.type, argument.span.start, argument.span.end)
            keys["AI"].add(place)
            keys["AC"].add((*place, argument.role))
            keys["AI+"].add((*trigger, *place))
            keys["AC+"].add((*trigger, *place, argument.role))
    return keys


def overlap_matches(gold: Iterable[Range], predicted: Iterable[Range]) -> int:
    """How many predicted spans find a gold span that they overlap, one to one.

    The pair that shares most characters is taken first; among equals the one that covers least altogether,
    then the earlier. So an exact pair is always taken, and the count is never below that of exact matches.
    """
    pairs = sorted(
        (-shared, max(end, e) - min(start, s), start, end, s, e)
        for start, end in set(gold)
        for s, e in set(predicted)
        if (shared := min(end, e) - max(start, s)) > 0
    )
    used_gold: set[Range] = set()
    used_predicted: set[Range] = set()
    for _, _, start, end, s, e in pairs:
        if (start, end) not in used_gold and (s, e) not in used_predicted:
            used_gold.add((start, end))
            used_predicted.add((s, e))
    return len(used_gold)


def sentence_keys(gold: Document, predicted: Document) -> tuple[Keys, Keys]:
    """(start, end, type) of the sentences of both sides, on the same boundaries: those of gold, where it has any.

    A side without sentences, or with others, has the types of its triggers inside: gold from another tool may be cut elsewhere.
    """
    mine = {(s.start, s.end) for s in gold.sentences}
    theirs = {(s.start, s.end) for s in predicted.sentences}
    boundaries = mine or theirs
    return _types_in(gold, boundaries), _types_in(predicted, boundaries)


def _types_in(document: Document, boundaries: set[Range]) -> Keys:
    if {(s.start, s.end) for s in document.sentences} == boundaries:
        return {(s.start, s.end, name) for s in document.sentences for name in s.types}
    return {
        (start, end, event.type)
        for start, end in boundaries
        for event in document.events
        if start <= event.trigger.start < end
    }


def paragraph_types(document: Document, threshold: float) -> Keys:
    """Types of a paragraph: those of its events and sentences, and those in `types` from `threshold` up."""
    named = {event.type for event in document.events} | {name for s in document.sentences for name in s.types}
    named |= {name for name, score in (document.types or {}).items() if score >= threshold}
    return {(name,) for name in named}


def by_trigger(document: Document) -> dict[TriggerKey, Event]:
    """The events of a document by (start, end, type); of those that share it the first."""
    events: dict[TriggerKey, Event] = {}
    for event in document.events:
        events.setdefault(trigger_key(event), event)
    return events


def mistakes(gold: Document, predicted: Document) -> Iterator[tuple[Range, str | None, str | None]]:
    """Triggers that are not right, as (start and end, gold type, predicted type); None where a side has nothing left.

    On one span the types that stand on one side only are paired in the order of their names.
    """
    mine, theirs = by_trigger(gold).keys(), by_trigger(predicted).keys()
    for span in sorted({key[:2] for key in mine ^ theirs}):
        lost = sorted(key[2] for key in mine - theirs if key[:2] == span)
        extra = sorted(key[2] for key in theirs - mine if key[:2] == span)
        for pair in zip_longest(lost, extra):
            yield span, *pair


def paragraph_counts(
    gold: Document, predicted: Document, attributes: Mapping[str, Sequence[str]], threshold: float
) -> dict[Column, Counts]:
    """All counts of one paragraph: column -> (gold, predicted, correct).

    `attributes` gives every attribute its values; all but the first, the default, are counted one by one,
    over the events whose trigger and type are right. An attribute's own column is (n, n, right), so that its
    F1 is its accuracy.
    """
    counts: dict[Column, Counts] = {}

    def compare(column: Column, mine: Keys, theirs: Keys) -> None:
        counts[column] = (len(mine), len(theirs), len(mine & theirs))

    def compare_parts(name: str, mine: Keys, theirs: Keys) -> None:
        compare((name,), mine, theirs)
        for part in {str(key[-1]) for key in mine | theirs}:
            compare((name, part), {k for k in mine if k[-1] == part}, {k for k in theirs if k[-1] == part})

    mine, theirs = event_keys(gold), event_keys(predicted)
    for name in mine:
        if name in ("TC", "AC+"):
            compare_parts(name, mine[name], theirs[name])
        else:
            compare((name,), mine[name], theirs[name])
    for name in ("AC", "AC+"):
        counts[(f"{name} overlap",)] = _overlap(mine[name], theirs[name])
    compare_parts("sentence types", *sentence_keys(gold, predicted))
    compare_parts("paragraph types", paragraph_types(gold, threshold), paragraph_types(predicted, threshold))
    counts.update(_attribute_counts(by_trigger(gold), by_trigger(predicted), attributes))
    return counts


def _overlap(gold: Keys, predicted: Keys) -> Counts:
    """Counts of argument keys (…, start, end, role) whose spans need only overlap; the rest must be equal."""

    def grouped(keys: Keys) -> dict[Key, list[Range]]:
        groups: dict[Key, list[Range]] = defaultdict(list)
        for key in keys:
            start, end = key[-3:-1]
            groups[key[:-3] + key[-1:]].append((int(start), int(end)))
        return groups

    mine, theirs = grouped(gold), grouped(predicted)
    correct = sum(overlap_matches(mine[key], theirs[key]) for key in mine.keys() & theirs.keys())
    return len(gold), len(predicted), correct


def _attribute_counts(
    gold: Mapping[TriggerKey, Event],
    predicted: Mapping[TriggerKey, Event],
    attributes: Mapping[str, Sequence[str]],
) -> Iterator[tuple[Column, Counts]]:
    hits = gold.keys() & predicted.keys()
    for name in ATTRIBUTES:
        pairs = [(getattr(gold[key], name), getattr(predicted[key], name)) for key in hits]
        yield (name,), (len(pairs), len(pairs), sum(a == b for a, b in pairs))
        default, *others = attributes[name]
        for value in {*others, *(value for pair in pairs for value in pair)} - {default}:
            both = sum(a == b == value for a, b in pairs)
            yield (name, value), (sum(a == value for a, _ in pairs), sum(b == value for _, b in pairs), both)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of all paragraphs. counts: (paragraphs, columns, 3) as (gold, predicted, correct)."""

    columns: tuple[Column, ...]
    counts: NDArray[np.int64]

    def parts(self, name: str) -> list[int]:
        """Where the parts of a measure stand, e.g. the types of "TC"."""
        return [at for at, column in enumerate(self.columns) if len(column) == 2 and column[0] == name]


def tally(
    pairs: Sequence[Pair],
    attributes: Mapping[str, Sequence[str]],
    *,
    threshold: float = 0.5,
    order: Sequence[str] = (),
) -> Tally:
    """Count every pair of documents; the parts of a measure come in `order`, then by name."""
    rows = [paragraph_counts(gold, predicted, attributes, threshold) for gold, predicted in pairs]
    rank = {name: at for at, name in enumerate(order)}
    first_seen = {column[0]: at for at, column in enumerate(rows[0])}

    def place(column: Column) -> tuple[int, int, int, str]:
        part = column[1] if len(column) == 2 else ""
        return first_seen[column[0]], len(column), rank.get(part, len(rank)), part

    columns = tuple(sorted({column for row in rows for column in row}, key=place))
    counts = np.array([[row.get(column, (0, 0, 0)) for column in columns] for row in rows], dtype=np.int64)
    return Tally(columns, counts.reshape(len(rows), len(columns), 3))
