"""Attributes by cue words: what stands before a trigger, learned from annotated documents.

A cue is one of the three words before the trigger in its sentence (`لن`, `لم`, `نفى`, `يعتزم`, …), the future
particle on the trigger itself, or the trigger's own stem. Its precision is the share of training events with
that cue that have the value, smoothed by one right and one wrong event.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ahdath.baselines.reading import Reading, Stemmer

__all__ = ["Cues"]

_REACH = 3
_PRECISE = 0.5


@dataclass(slots=True)
class Cues:
    """Counts of cues, and of cues with a value; `defaults` are the values where no cue is precise."""

    defaults: Mapping[str, str]
    seen: Counter[str] = field(default_factory=Counter)
    valued: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, reading: Reading, stemmer: Stemmer, at: int, values: Mapping[str, str]) -> None:
        """Learn from an event whose trigger begins at word `at`."""
        for cue in _cues(reading, stemmer, at):
            self.seen[cue] += 1
            for name, value in values.items():
                if value != self.defaults[name]:
                    self.valued[name, value][cue] += 1

    def judge(self, reading: Reading, stemmer: Stemmer, at: int) -> dict[str, str]:
        """The attributes of an event whose trigger begins at word `at`."""
        values = dict(self.defaults)
        best = dict.fromkeys(self.defaults, _PRECISE)
        cues = list(_cues(reading, stemmer, at))
        for (name, value), counts in self.valued.items():
            for cue in cues:
                precision = (counts[cue] + 1) / (self.seen[cue] + 2)
                if precision > best[name]:
                    values[name], best[name] = value, precision
        return values


def _cues(reading: Reading, stemmer: Stemmer, at: int) -> Iterator[str]:
    form = reading.forms[at]
    for before in range(max(0, at - _REACH), at):
        if reading.sentence[before] == reading.sentence[at]:
            yield f"before {reading.forms[before]}"
    bare = form[1:] if stemmer.joined(form) else form
    if bare[:2] in ("سي", "ست", "سن", "سا") and len(bare) > 4:
        yield "future"
    yield f"stem {stemmer(form)}"
