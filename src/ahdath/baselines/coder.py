"""A lexicon coder: the stems of training triggers with their majority type, as dictionary coders do by hand.

A word is a trigger when its stem was one often enough in the training texts; the threshold is chosen there by
leaving out one document at a time. Arguments are the noun phrases around it (see `phrases`), attributes
follow cue words (see `cues`). No encoder, no context beyond the sentence: what a model has to beat.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ahdath.baselines.cues import Cues
from ahdath.baselines.phrases import Phrases, Roles
from ahdath.baselines.reading import Reading, Stemmer, read
from ahdath.corpus import with_sentences
from ahdath.counting import ATTRIBUTES, by_trigger
from ahdath.errors import DataError
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from ahdath.text import light_stem
from ahdath.tokenization import word_span

__all__ = ["LexiconCoder"]

Range = tuple[int, int]
Entry = tuple[str, ...]
"""The stems of a trigger, one or several words."""

_SECOND = 0.5  # a stem has a second type only if that is right in half its occurrences
_SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


@dataclass(slots=True)
class LexiconCoder:
    """A fitted coder; `LexiconCoder.fit` makes one.

    `lexicon` counts the types of every trigger stem, `total` its occurrences. A type is predicted where its
    smoothed share (right + 1) / (occurrences + 2), which is also the event's score, reaches `threshold`; a
    phrase becomes an argument where the share of its role reaches `role_threshold`.
    """

    lexicon: Mapping[Entry, Counter[str]]
    total: Mapping[Entry, int]
    stemmer: Stemmer
    phrases: Phrases
    roles: Roles
    cues: Cues
    threshold: float
    role_threshold: float

    @classmethod
    def fit(
        cls,
        documents: Iterable[Document],
        ontology: Ontology | None = None,
        *,
        stem: Callable[[str], str] = light_stem,
    ) -> LexiconCoder:
        """Learn from annotated documents; deterministic.

        `ontology` gives the default values of attributes (None: the packaged one), `stem` the stem of a
        normalised word. Raises DataError when no document has an event, AlignmentError for a span that cuts a
        word.

        >>> text = "قصفت الطائرات المدينة"
        >>> coder = LexiconCoder.fit([Document(text, (Event("Conflict.Attack", Span.of(text, 0, 4)),))] * 3)
        >>> [e.trigger.text for d in coder.classify_many(["ثم قصفت الطائرات القرية"]) for e in d.events]
        ['قصفت']
        """
        known = list(documents)
        if not any(document.events for document in known):
            raise DataError(f"none of {len(known)} documents has an event; expected annotated documents to learn from.")
        defaults = {name: (ontology or Ontology.default()).attributes[name][0] for name in ATTRIBUTES}
        stem = lru_cache(maxsize=1 << 17)(stem)
        half = cls._learn(known[::2], defaults, stem)
        rest = known[1::2] or known
        coder = cls._learn(known, defaults, stem)
        coder.role_threshold = _best_share(half, rest)
        return coder

    @classmethod
    def _learn(
        cls, documents: Sequence[Document], defaults: Mapping[str, str], stem: Callable[[str], str]
    ) -> LexiconCoder:
        readings = [read(document.text) for document in documents]
        stemmer = Stemmer(stem, Counter(form for reading in readings for form in reading.forms))
        phrases, roles, cues = Phrases(stemmer), Roles(), Cues(defaults)
        triggers = [_triggers(reading, document) for reading, document in zip(readings, documents, strict=True)]
        entries = {
            tuple(map(stemmer, reading.forms[first:last]))
            for reading, found in zip(readings, triggers, strict=True)
            for (first, last), _ in found
        }
        rows = [_count(*pair, stemmer, entries) for pair in zip(readings, triggers, strict=True)]
        lexicon: dict[Entry, Counter[str]] = defaultdict(Counter)
        total: Counter[Entry] = Counter()
        for row in rows:
            for entry, (n, types) in row.items():
                lexicon[entry].update(types)
                total[entry] += n
        for reading, found in zip(readings, triggers, strict=True):
            phrases.add(reading, [place for _, event in found for place, _ in _arguments(reading, event)])
        for reading, found in zip(readings, triggers, strict=True):
            for trigger, event in found:
                cues.add(reading, stemmer, trigger[0], {name: getattr(event, name) for name in ATTRIBUTES})
                wanted = _arguments(reading, event)
                for phrase in phrases.around(reading, trigger):
                    roles.add(event.type, phrase, _role((phrase.first, phrase.last), wanted))
        return cls(lexicon, total, stemmer, phrases, roles, cues, _best_threshold(lexicon, total, rows), 0.0)

    def classify_many(self, texts: Iterable[str], /) -> Iterator[Document]:
        """One Document a text, in order: events, and sentences with the types of their triggers."""
        for text in texts:
            reading = read(text)
            found = list(self._find(reading))
            events = [self._event(reading, trigger, type, share) for trigger, type, share in found]
            yield with_sentences(Document(text, tuple(events), model="lexicon-coder"))

    def with_gold_triggers(self, documents: Sequence[Document], /) -> list[Document]:
        """The documents with triggers and types as given, arguments and attributes predicted."""
        answers = []
        for document in documents:
            reading = read(document.text)
            events = [
                replace(self._event(reading, place, event.type, event.score), trigger=event.trigger)
                for place, event in _triggers(reading, document)
            ]
            answers.append(replace(document, events=tuple(events), model="lexicon-coder"))
        return answers

    def _find(self, reading: Reading) -> Iterator[tuple[Range, str, float]]:
        for (first, last), entry in _matches(reading, self.stemmer, self.lexicon):
            for type, share in _shares(self.lexicon[entry], self.total[entry]):
                if share >= self.threshold:
                    yield (first, last), type, share

    def _event(self, reading: Reading, trigger: Range, type: str, share: float) -> Event:
        arguments = []
        for phrase in self.phrases.around(reading, trigger):
            role, likely = self.roles.guess(type, phrase)
            if role and likely >= self.role_threshold:
                arguments.append(Argument(role, _span(reading, phrase.first, phrase.last), likely))
        values = self.cues.judge(reading, self.stemmer, trigger[0])
        return Event(
            type,
            _span(reading, *trigger),
            tuple(arguments),
            modality=values["modality"],
            polarity=values["polarity"],
            score=share,
        )


def _best_share(coder: LexiconCoder, documents: Sequence[Document]) -> float:
    """The share of a role from which arguments give the best AC+ F1 with gold triggers."""
    answers = coder.with_gold_triggers(documents)

    def attached(share: float) -> float:
        kept = [replace(answer, events=tuple(_likely(event, share) for event in answer.events)) for answer in answers]
        return score(documents, kept, bootstrap=0).measures["AC+"].f1

    return max(_SHARES, key=lambda share: (attached(share), share))


def _likely(event: Event, share: float) -> Event:
    return replace(event, arguments=tuple(one for one in event.arguments if one.score >= share))


def _span(reading: Reading, first: int, last: int) -> Span:
    return Span.of(reading.text, reading.spans[first][0], reading.spans[last - 1][1])


def _triggers(reading: Reading, document: Document) -> list[tuple[Range, Event]]:
    """Word ranges of the triggers of a document, with their events."""
    return [
        (word_span(reading.spans, event.trigger.start, event.trigger.end), event)
        for event in by_trigger(document).values()
    ]


def _arguments(reading: Reading, event: Event) -> list[tuple[Range, str]]:
    return [(word_span(reading.spans, a.span.start, a.span.end), a.role) for a in event.arguments]


def _role(phrase: Range, arguments: Sequence[tuple[Range, str]]) -> str:
    """The role of the argument that shares with the phrase at least half the words of both, or ""."""
    best, role = 0.5, ""
    for (first, last), name in arguments:
        shared = min(last, phrase[1]) - max(first, phrase[0])
        covered = max(last, phrase[1]) - min(first, phrase[0])
        if shared / covered >= best:
            best, role = shared / covered, name
    return role


def _matches(reading: Reading, stemmer: Stemmer, entries: Iterable[Entry]) -> Iterator[tuple[Range, Entry]]:
    """Occurrences of entries in a text, the longest first, without overlap."""
    known = entries if isinstance(entries, (set, Mapping)) else set(entries)
    longest = max(map(len, known), default=0)
    stems = [stemmer(form) for form in reading.forms]
    at = 0
    while at < len(stems):
        for length in range(min(longest, len(stems) - at), 0, -1):
            entry = tuple(stems[at : at + length])
            if entry in known:
                yield (at, at + length), entry
                at += length
                break
        else:
            at += 1


def _count(
    reading: Reading, triggers: Sequence[tuple[Range, Event]], stemmer: Stemmer, entries: set[Entry]
) -> dict[Entry, tuple[int, Counter[str]]]:
    """Of each entry in one text: its occurrences, and their types."""
    types: dict[Range, list[str]] = defaultdict(list)
    for place, event in triggers:
        types[place].append(event.type)
    row: dict[Entry, tuple[int, Counter[str]]] = {}
    for place, entry in _matches(reading, stemmer, entries):
        n, counter = row.get(entry, (0, Counter()))
        counter.update(types.get(place, ()))
        row[entry] = (n + 1, counter)
    return row


def _shares(types: Mapping[str, int], total: int) -> list[tuple[str, float]]:
    """The majority type and any other that is right in half the occurrences, with smoothed shares."""
    ranked = sorted(types.items(), key=lambda item: (-item[1], item[0]))
    shares = [(name, (n + 1) / (total + 2)) for name, n in ranked if n > 0]
    return shares[:1] + [one for one in shares[1:] if one[1] >= _SECOND]


def _best_threshold(
    lexicon: Mapping[Entry, Counter[str]],
    total: Mapping[Entry, int],
    rows: Sequence[Mapping[Entry, tuple[int, Counter[str]]]],
) -> float:
    """The share that gives the best TC F1, every document judged by the counts of the others."""
    found: list[tuple[float, int, int]] = []
    gold = 0
    for row in rows:
        for entry, (n, types) in row.items():
            gold += types.total()
            for name, share in _shares(lexicon[entry] - types, total[entry] - n):
                found.append((share, n, types[name]))
    if not found:
        return _SECOND
    shares, predicted, correct = (np.array(column) for column in zip(*sorted(found, reverse=True), strict=True))
    f1 = 2 * np.cumsum(correct) / (gold + np.cumsum(predicted))
    f1[:-1][shares[1:] == shares[:-1]] = 0.0  # a threshold takes all predictions of one share
    return float(shares[int(np.argmax(f1))])
