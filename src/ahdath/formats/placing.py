"""Events on the words of their sentence, and back: what the formats that count tokens share.

A window is a sentence with its words (`ahdath.text.words`); a placed event names words of its window by index, from
0, end exclusive. This module knows no format.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from ahdath.formats.losses import Losses
from ahdath.formats.records import defaults, expected
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Sentence, Span
from ahdath.text import sentences, words

__all__ = ["PlacedArgument", "PlacedEvent", "Window", "join", "locate", "place"]


class PlacedArgument(NamedTuple):
    """A role and the words first..last (last exclusive) that fill it."""

    role: str
    first: int
    last: int
    score: float = 1.0


class PlacedEvent(NamedTuple):
    """An event on the words first..last (last exclusive) of its window."""

    type: str
    first: int
    last: int
    arguments: tuple[PlacedArgument, ...] = ()


@dataclass(frozen=True)
class Window:
    """The text of a sentence, the offsets of its words within that text, its events."""

    text: str
    words: tuple[tuple[int, int], ...]
    events: tuple[PlacedEvent, ...] = field(default=())

    def forms(self) -> list[str]:
        """The words themselves."""
        return [self.text[a:b] for a, b in self.words]

    def cut(self, first: int, last: int) -> str:
        """The text from word `first` to before word `last`."""
        return self.text[self.words[first][0] : self.words[last - 1][1]]


def place(document: Document, losses: Losses) -> list[Window]:
    """The sentences of a document as windows with their events, a window for an empty text too.

    The document's own sentences are taken where they are in order, apart and hold every word; else those of
    `ahdath.text.sentences`. A span is widened to whole words; one without a word, an argument outside the
    sentence of its trigger and a trigger that leaves it are left out; all of that is counted in `losses`, and so is
    what stands between and around sentences where it is not what `join` puts there.
    """
    text = document.text
    everything = words(text)
    borders = _borders(document, everything) or [(0, len(text))]
    gaps = [text[end:start] for (_, end), (start, _) in pairwise(borders)]
    losses.add("gaps between sentences that are not one space (made one)", sum(gap != " " for gap in gaps))
    losses.add("characters before the first or behind the last sentence", borders[0][0] + len(text) - borders[-1][1])
    starts = [start for start, _ in everything]
    placed: list[list[PlacedEvent]] = [[] for _ in borders]
    groups = [(bisect_left(starts, a), bisect_left(starts, b)) for a, b in borders]
    for event in document.events:
        trigger = _covering(everything, event.trigger, losses)
        number = None if trigger is None else bisect_right([first for first, _ in groups], trigger[0]) - 1
        if trigger is None or number is None or trigger[1] > groups[number][1]:
            losses.add("events whose trigger has no word or leaves its sentence")
            losses.add("arguments of events that are left out", len(event.arguments))
            continue
        first, last = groups[number]
        arguments = []
        for argument in event.arguments:
            found = _covering(everything, argument.span, losses)
            if found is None or not first <= found[0] < found[1] <= last:
                losses.add("arguments outside the sentence of their trigger")
            else:
                arguments.append(PlacedArgument(argument.role, found[0] - first, found[1] - first, argument.score))
        where = (trigger[0] - first, trigger[1] - first)
        placed[number].append(PlacedEvent(event.type, *where, tuple(arguments)))
    return [
        Window(text[a:b], tuple((s - a, e - a) for s, e in everything[first:last]), tuple(events))
        for (a, b), (first, last), events in zip(borders, groups, placed, strict=True)
    ]


def _borders(document: Document, everything: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    own = [(s.start, s.end) for s in document.sentences]
    apart = all(end <= start for (_, end), (start, _) in pairwise(own))
    held = sum(a <= start and end <= b for start, end in everything for a, b in own) if apart else -1
    return own if own and held == len(everything) else sentences(document.text)


def _covering(everything: Sequence[tuple[int, int]], span: Span, losses: Losses) -> tuple[int, int] | None:
    """The indices of the words that the span touches, end exclusive."""
    first = bisect_right([end for _, end in everything], span.start)
    last = bisect_left([start for start, _ in everything], span.end)
    if first >= last:
        return None
    if (everything[first][0], everything[last - 1][1]) != (span.start, span.end):
        losses.add("borders inside a word (widened to whole words)")
    return first, last


def locate(tokens: Sequence[str], text: str, where: str) -> tuple[tuple[int, int], ...]:
    """Offsets of tokens that stand in `text` in this order. Raises DataError for one that does not."""
    found, place = [], 0
    for number, token in enumerate(tokens):
        start = text.find(token, place) if token else -1
        if start < 0:
            remedy = "give the text that was tokenized, or leave the text out"
            expected(f"{where}: token {number}", f"a token that stands in the text after {place}", token, remedy)
        place = start + len(token)
        found.append((start, place))
    return tuple(found)


def join(id: str, windows: Iterable[Window], ontology: Ontology | None) -> Document:
    """The windows as one document, a space between them, each a sentence; empty windows only make the text.

    Events carry `ontology` (None: the packaged one) and have the default values of its attributes.
    """
    said = defaults(ontology)
    parts: list[str] = []
    events: list[tuple[int, Window, PlacedEvent]] = []
    borders: list[tuple[int, int, tuple[str, ...]]] = []
    length = 0
    for window in windows:
        start = length + (1 if parts else 0)
        parts.append(window.text)
        length = start + len(window.text)
        if window.text:
            borders.append((start, length, tuple(dict.fromkeys(e.type for e in window.events))))
        events += [(start, window, event) for event in window.events]
    text = " ".join(parts)

    def span(start: int, window: Window, first: int, last: int) -> Span:
        return Span.of(text, start + window.words[first][0], start + window.words[last - 1][1])

    made = tuple(
        Event(
            e.type,
            span(start, window, e.first, e.last),
            tuple(Argument(a.role, span(start, window, a.first, a.last)) for a in e.arguments),
            said["modality"],
            said["polarity"],
            ontology=ontology,
        )
        for start, window, e in events
    )
    return Document(text, made, tuple(Sentence(a, b, text[a:b], types) for a, b, types in borders), id=id)
