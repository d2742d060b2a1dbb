"""Gold documents -> what the heads learn: the inverse of `decoding`.

Labels are arrays over the words of one window. Two arguments of one event that overlap cannot both be told in
BIO tags: the longer is kept, and `lost` counts the other, so that nothing is dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .tokenization import Window, word_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ontology import Ontology
    from .schema import Document, Event

__all__ = ["EventLabels", "WindowLabels", "label_window"]


@dataclass(frozen=True)
class EventLabels:
    """One gold event: words `first:last`, type id, attribute values beyond the first as 0/1, BIO tags Shape: (W,)."""

    first: int
    last: int
    type: int
    attributes: NDArray[Any]
    tags: NDArray[Any]


@dataclass(frozen=True)
class WindowLabels:
    """trigger Shape: (W, T) 0/1; continuation (W,) 0/1; mention (W,) BIO of any argument; sentence (S, T) 0/1."""

    trigger: NDArray[Any]
    continuation: NDArray[Any]
    mention: NDArray[Any]
    sentence: NDArray[Any]
    events: tuple[EventLabels, ...]
    lost: int


def label_window(window: Window, document: Document, ontology: Ontology) -> WindowLabels:
    """Labels of one window of a gold document.

    Events whose trigger starts outside the window are left to the others. Raises AlignmentError where a span
    does not stand on word edges, OntologyError for names that the ontology lacks.
    """
    count, types = len(window.spans), len(ontology.type_names)
    low, high = window.spans[0][0], window.spans[-1][1]
    trigger = np.zeros((count, types), np.float32)
    continuation = np.zeros(count, np.float32)
    sentence = np.zeros((window.sentence[-1] - window.sentence[0] + 1, types), np.float32)
    mentions: set[tuple[int, int]] = set()
    events, lost = [], 0
    for event in document.events:
        if not low <= event.trigger.start < event.trigger.end <= high:
            continue
        first, last = word_span(window.spans, event.trigger.start, event.trigger.end)
        kind = ontology.type_id(event.type)
        trigger[first, kind] = 1
        continuation[first + 1 : last] = 1
        sentence[window.sentence[first] - window.sentence[0], kind] = 1
        tags, spans, missed = _tags(window, event, ontology, low, high)
        mentions.update(spans)
        lost += missed
        events.append(EventLabels(first, last, kind, _attributes(event, ontology), tags))
    mention = np.zeros(count, np.int64)
    for a, b in sorted(mentions, key=lambda span: span[0] - span[1]):  # longest first
        if not mention[a:b].any():
            mention[a], mention[a + 1 : b] = 1, 2
    return WindowLabels(trigger, continuation, mention, sentence, tuple(events), lost)


def _tags(
    window: Window, event: Event, ontology: Ontology, low: int, high: int
) -> tuple[NDArray[Any], list[tuple[int, int]], int]:
    tags, spans, lost = np.zeros(len(window.spans), np.int64), [], 0
    for argument in sorted(event.arguments, key=lambda a: a.span.start - a.span.end):
        if not low <= argument.span.start < argument.span.end <= high:
            lost += 1
            continue
        a, b = word_span(window.spans, argument.span.start, argument.span.end)
        spans.append((a, b))
        if tags[a:b].any():
            lost += 1
            continue
        role = ontology.role_id(argument.role)
        tags[a], tags[a + 1 : b] = 2 * role + 1, 2 * role + 2
    return tags, spans, lost


def _attributes(event: Event, ontology: Ontology) -> NDArray[Any]:
    given = {"modality": event.modality, "polarity": event.polarity}
    return np.array(
        [float(given.get(name) == value) for name, values in ontology.attributes.items() for value in values[1:]], np.float32
    )
