"""Noun phrases around a trigger, and the role that a phrase in that place most often has.

A phrase is a run of words that, by the training texts, tend to stand inside arguments; it ends before
punctuation, separate prepositions, verb-like words, conjunctions, and where two neighbours tend to belong to
different arguments. Its role is the most frequent one for the event type, the side of the trigger, what
stands before the phrase, and how many phrases are between; where that was seldom seen, with less of these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ahdath.baselines.reading import Reading, Stemmer

__all__ = ["Phrase", "Phrases", "Roles"]

Range = tuple[int, int]
_SELDOM = 3
_INSIDE = 0.3


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words `first` up to `last` (exclusive), the `side` of the trigger, `rank` from 1, what is `before`."""

    first: int
    last: int
    side: str
    rank: int
    before: str


@dataclass(slots=True)
class Phrases:
    """Where phrases begin and end, learned from argument spans."""

    stemmer: Stemmer
    inside: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    together: Counter[tuple[str, str]] = field(default_factory=Counter)
    neighbours: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, reading: Reading, arguments: Iterable[Range]) -> None:
        """Learn from one text and the word ranges of all its arguments."""
        ranges = set(arguments)
        covered = {at for first, last in ranges for at in range(first, last)}
        for at, form in enumerate(reading.forms):
            for name in {form, f"stem {self.stemmer(form)}"}:
                self.total[name] += 1
                self.inside[name] += at in covered
            if at in covered and at + 1 in covered:
                pair = (_kind(form), _kind(reading.forms[at + 1]))
                self.neighbours[pair] += 1
                self.together[pair] += any(first <= at and at + 1 < last for first, last in ranges)

    def around(self, reading: Reading, trigger: Range) -> Iterator[Phrase]:
        """The phrases of the trigger's sentence, nearest first on each side."""
        first, last = trigger
        here = reading.sentence[first]
        begin = next(at for at in range(first, -1, -1) if at == 0 or reading.sentence[at - 1] != here)
        end = next((at for at in range(last, len(reading.forms)) if reading.sentence[at] != here), len(reading.forms))
        for rank, (a, b) in enumerate(self._runs(reading, last, end), 1):
            yield Phrase(a, b, "after", rank, self._before(reading, a, trigger))
        for rank, (a, b) in enumerate(reversed(list(self._runs(reading, begin, first))), 1):
            yield Phrase(a, b, "before", rank, self._before(reading, a, trigger))

    def _runs(self, reading: Reading, begin: int, end: int) -> Iterator[Range]:
        start: int | None = None
        for at in range(begin, end):
            form = reading.forms[at]
            fits = self._fits(form)
            if start is not None and (not fits or self._parts(reading.forms[at - 1], form)):
                yield start, at
                start = None
            if fits and start is None:
                start = at
        if start is not None:
            yield start, end

    def _fits(self, form: str) -> bool:
        """Whether a word can be in a phrase; an unseen one can unless it looks like an imperfect verb."""
        if not any(character.isalnum() for character in form):
            return False
        for name in (form, f"stem {self.stemmer(form)}"):
            if self.total[name]:
                return self.inside[name] / self.total[name] >= _INSIDE
        return not (len(form) > 3 and form.removeprefix("س").startswith("ي"))

    def _parts(self, form: str, following: str) -> bool:
        """Whether a phrase ends between two neighbours."""
        if self.stemmer.joined(following) and following.startswith("و"):
            return True
        pair = (_kind(form), _kind(following))
        return 2 * self.together[pair] < self.neighbours[pair]

    def _before(self, reading: Reading, at: int, trigger: Range) -> str:
        """What leads to a phrase: an attached preposition, the word before it, or the trigger itself."""
        form = reading.forms[at]
        if form[:1] in ("ب", "ل") and self.stemmer(form) == self.stemmer(form[1:]):
            return f"{form[0]}+"
        if self.stemmer.joined(form) and form.startswith("و"):
            return "و+"
        if at == trigger[1]:
            return "trigger"
        return reading.forms[at - 1] if at and not self._fits(reading.forms[at - 1]) else "phrase"


def _kind(form: str) -> str:
    if form[:1].isdigit():
        return "number"
    return "definite" if form.startswith(("ال", "وال", "بال", "لل")) else "other"


@dataclass(slots=True)
class Roles:
    """How often a phrase in some place had which role ("" for none), over all training events."""

    counts: dict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    allowed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, type: str, phrase: Phrase, role: str) -> None:
        """Learn that a phrase near an event of this type had this role, or "" for none."""
        for place in _places(type, phrase):
            self.counts[place][role] += 1
        if role:
            self.allowed[type].add(role)

    def guess(self, type: str, phrase: Phrase) -> tuple[str, float]:
        """The most frequent role of a phrase and its share; ("", 0) when no role was ever seen there."""
        for place in _places(type, phrase):
            seen = self.counts.get(place, Counter())
            if seen.total() >= _SELDOM:
                fitting = [(-n, role) for role, n in seen.items() if role in self.allowed.get(type, ())]
                if fitting:
                    most, role = min(fitting)
                    return role, -most / seen.total()
        return "", 0.0


def _places(type: str, phrase: Phrase) -> Sequence[tuple[str, ...]]:
    rank = str(min(phrase.rank, 4))
    return (
        (type, phrase.side, phrase.before, rank),
        (type, phrase.side, phrase.before),
        (phrase.side, phrase.before, rank),
    )
