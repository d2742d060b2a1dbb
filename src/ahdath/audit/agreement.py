"""Two annotations of the same paragraphs: how far they agree, and where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahdath.audit.findings import Finding, Reading, ranked
from ahdath.counting import ATTRIBUTES, Pair, by_trigger
from ahdath.errors import DataError
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.schema import Document, Event, Span
from ahdath.scores import Score, Scores

__all__ = ["Agreement", "agreement"]

_MEASURES = ("TI", "TC", "AC+", "AC+ overlap")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two annotators share: `scores` with the first as gold (F1 has no side), and where they differ.

    `left_out` counts documents whose id stands on one side only.
    """

    scores: Scores
    disagreements: list[Finding]
    left_out: int

    def to_markdown(self) -> str:
        """A table in percent: F1 of TI, TC, AC+, and of the attributes over the events that both have."""
        rows = [_row(name, self.scores.measures[name]) for name in _MEASURES]
        for name, attribute in self.scores.attributes.items():
            accuracy = attribute.accuracy
            both = round(attribute.n * accuracy.value)
            rows.append(_row(f"{name}, same value", Score(attribute.n, attribute.n, both, accuracy.interval)))
            rows += [_row(value, one) for value, one in attribute.values.items()]
        head = ["| measure | first | second | both | F1 | 95 % interval |", "|---|---:|---:|---:|---:|---:|"]
        note = f"{self.scores.paragraphs} paragraphs; exact spans unless said otherwise; attributes over common events."
        return "\n".join([*head, *rows, "", note, ""])


def _row(name: str, one: Score) -> str:
    interval = f"{100 * one.interval[0]:.1f}–{100 * one.interval[1]:.1f}" if one.interval else ""
    return f"| {name} | {one.gold} | {one.predicted} | {one.correct} | {100 * one.f1:.1f} | {interval} |"


def agreement(
    first: Iterable[Document],
    second: Iterable[Document],
    ontology: Ontology | None = None,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Compare two annotations of the same paragraphs, matched by id; paragraphs that one side lacks are left out.

    Raises DataError when an id is missing or stands twice on a side, when no id is on both, and what
    `metrics.score` raises, such as for texts that differ.
    """
    one, other = _by_id(first, "first"), _by_id(second, "second")
    common = [name for name in one if name in other]
    if not common:
        raise DataError("expected annotations of the same paragraphs, found no id that both sides have; match the ids")
    pairs = [(one[name], other[name]) for name in common]
    golds, guesses = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    scores = score(golds, guesses, ontology, bootstrap=bootstrap, seed=seed)
    found = [finding for number, pair in enumerate(pairs, 1) for finding in _differences(pair, number)]
    return Agreement(scores, ranked(found), len(one) + len(other) - 2 * len(common))


def _by_id(documents: Iterable[Document], side: str) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for document in documents:
        if not document.id or document.id in found:
            raise DataError(
                f"{side}: expected an id of its own for every document, found {document.id!r} again or empty"
            )
        found[document.id] = document
    return found


def _differences(pair: Pair, number: int) -> Iterator[Finding]:
    """Events first; arguments and attributes only of events that both have."""
    reading = Reading.of(pair[0], number)
    mine, theirs = by_trigger(pair[0]), by_trigger(pair[1])
    lost = [mine[key] for key in sorted(mine.keys() - theirs.keys())]
    extra = [theirs[key] for key in sorted(theirs.keys() - mine.keys())]
    for event in lost:
        match = next((e for e in extra if _overlap(event.trigger, e.trigger)), None)
        if match is None:
            yield _told(reading, "event-first", event.trigger, f"{event.type} {event.trigger.text!r} in the first only")
            continue
        extra.remove(match)
        kind = "event-type" if event.trigger == match.trigger else "event-trigger"
        message = f"first {event.type} {event.trigger.text!r}, second {match.type} {match.trigger.text!r}"
        yield _told(reading, kind, event.trigger, message, match.trigger)
    for event in extra:
        yield _told(reading, "event-second", event.trigger, f"{event.type} {event.trigger.text!r} in the second only")
    for key in sorted(mine.keys() & theirs.keys()):
        yield from _within_event(reading, mine[key], theirs[key])


def _within_event(reading: Reading, mine: Event, theirs: Event) -> Iterator[Finding]:
    name = f"{mine.type} {mine.trigger.text!r}"
    for attribute in ATTRIBUTES:
        a, b = getattr(mine, attribute), getattr(theirs, attribute)
        if a != b:
            yield _told(reading, attribute, mine.trigger, f"{name}: first {a}, second {b}")
    here = {(one.span.start, one.span.end, one.role): one for one in mine.arguments}
    there = {(one.span.start, one.span.end, one.role): one for one in theirs.arguments}
    extra = [there[key] for key in sorted(there.keys() - here.keys())]
    for key in sorted(here.keys() - there.keys()):
        one = here[key]
        near = [a for a in extra if a.span == one.span or (a.role == one.role and _overlap(a.span, one.span))]
        if not near:
            message = f"{name}: {one.role} {one.span.text!r} in the first only"
            yield _told(reading, "argument-first", one.span, message)
            continue
        match = next((a for a in near if a.role == one.role), near[0])
        extra.remove(match)
        kind = "argument-span" if match.role == one.role else "argument-role"
        message = f"{name}: first {one.role} {one.span.text!r}, second {match.role} {match.span.text!r}"
        yield _told(reading, kind, one.span, message, match.span)
    for one in extra:
        yield _told(reading, "argument-second", one.span, f"{name}: {one.role} {one.span.text!r} in the second only")


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _told(reading: Reading, kind: str, span: Span, message: str, other: Span | None = None) -> Finding:
    there = None if other is None else reading.place(other.start, other.end)
    return Finding(kind, reading.place(span.start, span.end), message, there)
