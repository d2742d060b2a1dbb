"""What the network said of the windows of a text -> a `Document`: words become characters, ids become names; and back.

This module knows no network and no tokenizer; `inference` fills the blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import decoding
from .schema import Argument, Document, Event, Sentence, Span
from .tokenization import word_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ontology import Ontology
    from .runtime import ModelSettings
    from .tokenization import Window

__all__ = ["Answers", "Block", "Found", "Pending", "Read", "given_triggers"]

_TOLD = 0.05  # lowest probability of a type that a sentence is told with


@dataclass
class Found:
    """What the network says of one window, in words of the window."""

    triggers: list[decoding.Trigger] = field(default_factory=list)
    roles: list[list[decoding.RoleSpan]] = field(default_factory=list)
    attributes: NDArray[Any] | None = None
    sentences: NDArray[Any] | None = None


@dataclass
class Block:
    """One paragraph of a text: where it starts, its sentences, its windows and what was found in each."""

    start: int
    borders: list[tuple[int, int]]
    windows: list[Window]
    found: list[Found | None]


#: Events and sentences of one paragraph, in characters of the text.
Read = tuple[list[Event], list[Sentence]]


@dataclass
class Pending:
    """A text on its way: what has been read of it, and how many of its blocks have not."""

    string: str
    reads: list[Read] = field(default_factory=list)
    missing: int = 0
    whole: bool = False  # all its blocks are known


class Answers:
    """Makes documents of what one model has found; `name` is what they say of who read them."""

    def __init__(self, ontology: Ontology, config: ModelSettings, name: str) -> None:
        self.ontology, self.config, self.name = ontology, config, name

    def read(self, string: str, block: Block, wanted: set[str], sentences_only: bool) -> Read:
        """Events and sentences of a block whose windows have run."""
        events = [] if sentences_only else self._events(string, block, wanted)
        sentences = []
        limit = self.config.sentence_threshold
        lowest = min(limit, _TOLD)
        for (a, b), scores in zip(block.borders, self._sentence_scores(block), strict=True):
            start, end = block.start + a, block.start + b
            inside = {e.type for e in events if start <= e.trigger.start < end}
            rounded = scores.astype(float).round(4).tolist()
            named = zip(self.ontology.type_names, rounded, strict=True)
            told = {n: s for n, s in named if (s >= lowest or n in inside) and n in wanted}
            types = tuple(n for n, s in told.items() if s >= limit or n in inside)
            sentences.append(Sentence(start, end, string[start:end], types, told))
        return events, sentences

    def document(self, string: str, reads: Sequence[Read]) -> Document:
        events = [event for found, _ in reads for event in found]
        sentences = [sentence for _, found in reads for sentence in found]
        overall: dict[str, float] = {}
        for sentence in sentences:
            for name, score in (sentence.scores or {}).items():
                overall[name] = max(overall.get(name, 0.0), score)
        events.sort(key=lambda e: (e.trigger.start, e.trigger.end, self.ontology.type_id(e.type)))
        return Document(
            string, tuple(events), tuple(sentences), model=self.name or None, ontology=self.ontology.digest, types=overall
        )

    def _sentence_scores(self, block: Block) -> list[NDArray[Any]]:
        """Type probabilities of each sentence, from the window that holds most of it."""
        best = [0] * len(block.borders)
        scores = [np.zeros(len(self.ontology.type_names))] * len(block.borders)
        for window, found in zip(block.windows, block.found, strict=True):
            for number in range(window.sentence[0], window.sentence[-1] + 1):
                size = window.sentence.count(number)
                if size > best[number] and found is not None and found.sentences is not None:
                    best[number], scores[number] = size, found.sentences[number - window.sentence[0]]
        return scores

    def _events(self, string: str, block: Block, wanted: set[str]) -> list[Event]:
        made = []
        attributes = list(self.ontology.attributes.items())
        for window, found in zip(block.windows, block.found, strict=True):
            if found is None:
                continue
            for number, trigger in enumerate(found.triggers):
                name = self.ontology.type_names[trigger.type]
                if name not in wanted:
                    continue
                arguments = tuple(
                    Argument(self.ontology.role_names[r.role], _span(string, block, window, r.first, r.last), round(r.score, 4))
                    for r in found.roles[number]
                )
                chosen = found.attributes[number] if found.attributes is not None else [0] * len(attributes)
                values = {key: names[value] for (key, names), value in zip(attributes, chosen, strict=True)}
                span = _span(string, block, window, trigger.first, trigger.last)
                modality, polarity = values.get("modality", "asserted"), values.get("polarity", "positive")
                score = round(trigger.score, 4)
                made.append(Event(name, span, arguments, modality, polarity, score, self.ontology))
        return made


def _span(string: str, block: Block, window: Window, first: int, last: int) -> Span:
    start, end = block.start + window.spans[first][0], block.start + window.spans[last - 1][1]
    return Span(start, end, string[start:end])


def given_triggers(document: Document, block: Block, window: Window, ontology: Ontology) -> list[decoding.Trigger]:
    """The triggers of annotated events that a window answers for. Raises AlignmentError for one inside a word."""
    triggers = []
    low, high = window.spans[0][0], window.spans[-1][1]
    for event in document.events:
        start, end = event.trigger.start - block.start, event.trigger.end - block.start
        if low <= start < high:
            first, last = word_span(window.spans, start, min(end, high))
            if window.owned[first]:
                triggers.append(decoding.Trigger(first, last, ontology.type_id(event.type), 1.0))
    return triggers
