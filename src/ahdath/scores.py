"""What scoring finds, as values, from the counts of one measure (Score) to all of them (Scores).

They hold counts and intervals, derive ratios from them, and turn into JSON; `metrics` makes them. This module
knows nothing of documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ahdath.calibration import Calibration

__all__ = [
    "Attribute",
    "Confusion",
    "Difference",
    "Estimate",
    "FalseAlarms",
    "Interval",
    "Score",
    "Scores",
    "Spread",
    "aggregate",
]

Interval = tuple[float, float]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one measure, and what follows from them; a ratio of nothing is 0, as in TextEE.

    `interval` is that of F1; None where no bootstrap ran or nothing was there to count.
    """

    gold: int
    predicted: int
    correct: int
    interval: Interval | None = None

    @property
    def precision(self) -> float:
        """The share of what is predicted that is correct."""
        return _ratio(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """The share of gold that is found."""
        return _ratio(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _ratio(2 * self.correct, self.gold + self.predicted)

    def to_dict(self) -> dict[str, Any]:
        """Counts, ratios and interval as JSON-able values."""
        return {
            "gold": self.gold,
            "predicted": self.predicted,
            "correct": self.correct,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "interval": list(self.interval) if self.interval else None,
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in [0, 1] and its bootstrap interval."""

    value: float
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute over the `n` events whose trigger and type are right.

    `values` has a Score for each value but the default one.
    """

    n: int
    accuracy: Estimate
    values: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Events predicted in paragraphs that have none."""

    paragraphs: int
    words: int
    events: int

    @property
    def per_1000_words(self) -> float:
        """Events per 1,000 words (strings between white space that hold a letter or digit)."""
        return _ratio(1000 * self.events, self.words)


@dataclass(frozen=True, slots=True)
class Confusion:
    """What became of triggers that are not right.

    `types` counts (gold type, predicted type) on the same trigger span, `missed` gold events without a
    prediction left on their span, `spurious` predicted ones without gold. `types` and `missed` together are
    all misses of TC, `types` and `spurious` all its false events.
    """

    types: Mapping[tuple[str, str], int]
    missed: Mapping[str, int]
    spurious: Mapping[str, int]

    def commonest(self, limit: int | None = 10) -> list[tuple[str | None, str | None, int]]:
        """(gold type or None, predicted type or None, how often), most frequent first; None: no limit."""
        rows: list[tuple[str | None, str | None, int]] = [(*pair, n) for pair, n in self.types.items()]
        rows += [(name, None, n) for name, n in self.missed.items()]
        rows += [(None, name, n) for name, n in self.spurious.items()]
        return sorted(rows, key=lambda row: (-row[2], row[0] or "", row[1] or ""))[:limit]


@dataclass(frozen=True, slots=True)
class Scores:
    """All that `score` finds; see the module for the measures.

    `measures` by the names in `metrics.MEASURES`; `macro` the mean F1 over the types that occur, for sentence
    and paragraph types; `types` is TC by event type, `roles` is AC+ by role; `calibration` has "event" (are
    trigger and type right?) and "argument" (is the argument right, given that its event is?).
    """

    paragraphs: int
    bootstrap: int
    seed: int
    measures: Mapping[str, Score]
    macro: Mapping[str, Estimate]
    attributes: Mapping[str, Attribute]
    types: Mapping[str, Score]
    roles: Mapping[str, Score]
    calibration: Mapping[str, Calibration]
    false_alarms: FalseAlarms
    confusion: Confusion

    def flat(self) -> dict[str, float]:
        """The headline numbers as one flat dict: `TC f1`, `TC precision`, `sentence types macro f1`, …"""
        numbers: dict[str, float] = {}
        for name, one in self.measures.items():
            numbers[f"{name} precision"] = one.precision
            numbers[f"{name} recall"] = one.recall
            numbers[f"{name} f1"] = one.f1
        numbers |= {f"{name} macro f1": mean.value for name, mean in self.macro.items()}
        for name, attribute in self.attributes.items():
            numbers[f"{name} accuracy"] = attribute.accuracy.value
            numbers |= {f"{name} {value} f1": one.f1 for value, one in attribute.values.items()}
        for name, calibration in self.calibration.items():
            if calibration.ece is not None:
                numbers[f"{name} ece"] = calibration.ece
        return numbers | {"false alarms per 1000 words": self.false_alarms.per_1000_words}

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""

        def scores(table: Mapping[str, Score]) -> dict[str, Any]:
            return {name: one.to_dict() for name, one in table.items()}

        def estimate(one: Estimate) -> dict[str, Any]:
            return {"value": one.value, "interval": list(one.interval) if one.interval else None}

        alarms = self.false_alarms
        return {
            "paragraphs": self.paragraphs,
            "bootstrap": self.bootstrap,
            "seed": self.seed,
            "measures": scores(self.measures),
            "macro": {name: estimate(one) for name, one in self.macro.items()},
            "attributes": {
                name: {"n": one.n, "accuracy": estimate(one.accuracy), "values": scores(one.values)}
                for name, one in self.attributes.items()
            },
            "types": scores(self.types),
            "roles": scores(self.roles),
            "calibration": {
                name: {
                    "ece": one.ece,
                    "n": one.n,
                    "bins": [
                        {"low": b.low, "high": b.high, "n": b.n, "score": b.score, "accuracy": b.accuracy}
                        for b in one.bins
                    ],
                }
                for name, one in self.calibration.items()
            },
            "false_alarms": {
                "paragraphs": alarms.paragraphs,
                "words": alarms.words,
                "events": alarms.events,
                "per_1000_words": alarms.per_1000_words,
            },
            "confusion": [
                {"gold": gold, "predicted": guess, "n": n} for gold, guess, n in self.confusion.commonest(None)
            ],
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """F1 of system a minus F1 of system b, its 95 % interval, and the two-sided p value of no difference."""

    a: float
    b: float
    difference: float
    interval: Interval | None
    p: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over `n` runs that differ in their seed: its median and its range."""

    median: float
    low: float
    high: float
    n: int


def aggregate(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Median and range over seeds of every number in `runs`, one flat dict (as `Scores.flat` gives) a run.

    A number that some runs lack has the smaller `n`.

    >>> aggregate([{"TC f1": 0.5}, {"TC f1": 0.7}, {"TC f1": 0.6}])
    {'TC f1': Spread(median=0.6, low=0.5, high=0.7, n=3)}
    """
    spreads = {}
    for name in {name: None for run in runs for name in run}:
        values = [run[name] for run in runs if name in run]
        spreads[name] = Spread(median(values), min(values), max(values), len(values))
    return spreads
