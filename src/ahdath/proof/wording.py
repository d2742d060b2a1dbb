"""The same event in the words of several outlets: what it is may not depend on whether the dead are called martyrs.

`wording.jsonl` beside this module holds sets of sentences that tell one event and differ in one choice of words:
`قتيل` or `شهيد`, `القوات الإسرائيلية` or `قوات الاحتلال`, `مسلحون`, `إرهابيون` or `معارضة`. The first sentence of a set has the
plainest word. They were composed for this measurement, stand in no split of the corpus and say nothing of what outlets
write how often. This module knows nothing of models; it asks an extractor.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from ahdath.errors import DataError, shown
from ahdath.evaluation import Extractor
from ahdath.ontology import Ontology
from ahdath.schema import Document, Event, Span
from ahdath.text import words

__all__ = ["SETS", "Wording", "WordingSet", "consistency", "is_even_handed", "page", "read_sets"]

SETS = Path(__file__).with_name("wording.jsonl")
"""The packaged sets."""

_DEFAULTS = {"polarity": "positive", "modality": "asserted"}
_SIDES = ("occupation", "fighters", "government")  # choices of words that take a side
_KEYS = ("name", "contrast", "type", "wordings")


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to tell an event: `term` names the choice of words, `event` has the trigger that must be found."""

    term: str
    text: str
    event: Event


@dataclass(frozen=True, slots=True)
class WordingSet:
    """Sentences that tell the same event; `contrast` says which kind of choice sets them apart."""

    name: str
    contrast: str
    wordings: tuple[Wording, ...]

    @property
    def type(self) -> str:
        """The event type that all of them must get."""
        return self.wordings[0].event.type


def read_sets(path: str | Path = SETS) -> list[WordingSet]:
    """The sets of a JSONL file.

    A row has `name`, `contrast`, `type`, where needed `polarity` and `modality`, and `wordings`, at least two of
    {"term", "trigger", "text"}. Raises DataError, with file and line, for other keys, a type that the packaged ontology
    lacks, a term that stands twice, or a trigger that is not exactly one word of its text.
    """
    sets = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            sets.append(_set(json.loads(line)))
        except (json.JSONDecodeError, DataError) as error:
            raise DataError(f"{path}:{number}: {error}") from error
    return sets


def _set(row: Any) -> WordingSet:
    if not isinstance(row, dict) or not set(_KEYS) <= set(row) <= {*_KEYS, *_DEFAULTS}:
        expected = f"the keys {', '.join(_KEYS)}, perhaps {', '.join(_DEFAULTS)}"
        raise DataError(f"expected an object with {expected}; found {shown(row)}")
    if row["type"] not in Ontology.default().types:
        raise DataError(f"type: expected one of the packaged ontology, found {shown(row['type'])}")
    told = {name: row.get(name, value) for name, value in _DEFAULTS.items()}
    wordings = tuple(_wording(one, row["type"], told) for one in row["wordings"])
    if len({one.term for one in wordings}) != len(wordings) or len(wordings) < 2:
        found = ", ".join(one.term for one in wordings)
        raise DataError(f"wordings: expected two or more, each with a term of its own; found {found or 'none'}")
    return WordingSet(row["name"], row["contrast"], wordings)


def _wording(row: Any, kind: str, told: Mapping[str, str]) -> Wording:
    if not isinstance(row, dict) or set(row) != {"term", "trigger", "text"}:
        raise DataError(f"wordings: expected objects with term, trigger and text; found {shown(row)}")
    text, trigger = row["text"], row["trigger"]
    found = [Span.of(text, start, end) for start, end in words(text) if text[start:end] == trigger]
    if len(found) != 1:
        raise DataError(
            f"trigger {shown(trigger)}: expected it once among the words of {shown(text)}, found {len(found)}"
        )
    return Wording(row["term"], text, Event(kind, found[0], polarity=told["polarity"], modality=told["modality"]))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a system makes of one wording: (type, polarity, modality) on the trigger's words, all types, the score."""

    term: str
    told: frozenset[tuple[str, str, str]]
    types: Counter[str]
    score: float
    right: bool

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(kind for kind, *_ in self.told)


def consistency(extractor: Extractor, sets: Sequence[WordingSet] | None = None) -> dict[str, Any]:
    """Whether a system reads every wording of an event alike; `sets` None: the packaged ones.

    Counts the `sets`, those with the `same_type` on the trigger of every wording, the `same_told` (polarity and modality
    too), the `same_sentence` (all types of the sentence), and those that are `right` in every wording; and of the
    `wordings` those with the right type `found`. Nothing found in any wording is the same too, so read them beside
    `right`. `score` is the probability that the system gives the type somewhere in the sentence (`Document.types`):
    "mean_spread" and "max_spread" of highest minus lowest in a set. "contrasts" has the same by kind of choice, with the
    mean "difference" of each term's score to the first wording of its set; "differing" the sets that are not read alike.
    Raises DataError without sets.
    """
    chosen = read_sets() if sets is None else list(sets)
    if not chosen:
        raise DataError("there are no sets of wordings; expected at least one")
    documents = extractor.classify_many(one.text for group in chosen for one in group.wordings)
    read = [(group, [_answer(one, next(documents)) for one in group.wordings]) for group in chosen]
    by_contrast: dict[str, list[tuple[WordingSet, list[_Answer]]]] = {}
    for pair in read:
        by_contrast.setdefault(pair[0].contrast, []).append(pair)
    return {
        **_counts([answers for _, answers in read]),
        "contrasts": {
            name: {**_counts([answers for _, answers in pairs]), "terms": _terms([answers for _, answers in pairs])}
            for name, pairs in by_contrast.items()
        },
        "differing": [_row(group, answers) for group, answers in read if len({a.told for a in answers}) > 1],
    }


def is_even_handed(found: Mapping[str, Any]) -> bool:
    """Whether a model is steady enough to ship, by what `consistency` found: nine sets of ten have one type in every wording,
    and all of them where the choice is about who occupies, fights or governs.

    >>> found = {"sets": 10, "same_type": 9, "contrasts": {name: {"sets": 2, "same_type": 2} for name in _SIDES}}
    >>> is_even_handed(found), is_even_handed({**found, "same_type": 8})
    (True, False)
    """
    sides = [found["contrasts"][name] for name in _SIDES]
    return found["same_type"] >= 0.9 * found["sets"] and all(one["same_type"] == one["sets"] for one in sides)


def _answer(wording: Wording, document: Document) -> _Answer:
    wanted = wording.event
    here = [e for e in document.events if _overlap(e.trigger, wanted.trigger)]
    scores = [event.score for event in document.events if event.type == wanted.type]
    score = (document.types or {}).get(wanted.type, max(scores, default=0.0))
    right = any(e.type == wanted.type for e in here)
    told = frozenset((e.type, e.polarity, e.modality) for e in here)
    return _Answer(wording.term, told, Counter(e.type for e in document.events), score, right)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _counts(sets: Sequence[Sequence[_Answer]]) -> dict[str, Any]:
    spreads = [max(a.score for a in answers) - min(a.score for a in answers) for answers in sets]
    return {
        "sets": len(sets),
        "same_type": sum(len({a.kinds for a in answers}) == 1 for answers in sets),
        "same_told": sum(len({a.told for a in answers}) == 1 for answers in sets),
        "same_sentence": sum(all(a.types == answers[0].types for a in answers) for answers in sets),
        "right": sum(all(a.right for a in answers) for answers in sets),
        "wordings": sum(len(answers) for answers in sets),
        "found": sum(a.right for answers in sets for a in answers),
        "score": {"mean_spread": mean(spreads), "max_spread": max(spreads)},
    }


def _terms(sets: Sequence[Sequence[_Answer]]) -> dict[str, Any]:
    """By term: wordings `n`, those `found`, and the mean difference to the first of the set (None: always first)."""
    found: dict[str, list[_Answer]] = {}
    gaps: dict[str, list[float]] = {}
    for answers in sets:
        for at, one in enumerate(answers):
            found.setdefault(one.term, []).append(one)
            if at:
                gaps.setdefault(one.term, []).append(one.score - answers[0].score)
    return {
        term: {"n": len(ones), "found": sum(one.right for one in ones), "difference": mean(gaps[term]) if term in gaps else None}
        for term, ones in found.items()
    }  # fmt: skip


def _row(group: WordingSet, answers: Iterable[_Answer]) -> dict[str, Any]:
    wordings = [
        {"term": a.term, "trigger": one.event.trigger.text, "told": sorted(map(list, a.told)), "score": a.score}
        for a, one in zip(answers, group.wordings, strict=True)
    ]
    return {"name": group.name, "contrast": group.contrast, "type": group.type, "wordings": wordings}


# ---------------------------------------------------------------------- docs/wording.md

_PROSE = """# Wording

An outlet that writes `شهيد` and one that writes `قتيل` tell the same event, and so do `قوات الاحتلال` and
`القوات الإسرائيلية`, `إرهابيون`, `مسلحون` and `معارضة`. The type of the event should not depend on it.
`src/ahdath/proof/wording.jsonl` has sets of sentences that differ only in such a choice; the first of each set has the
plainest word. They were composed for this page and checked by no human reader. They are short and clear; in the long
sentences of newspapers wording may do more. Written by `python scripts/wording.py`, in
float32; the int8 graphs, which run by default, may differ where a probability stands at the threshold.
"""


def page(found: Mapping[str, Any]) -> str:
    """docs/wording.md from what `consistency` found, with the `model` digest beside it."""
    spread, n = found["score"], found["sets"]
    rows = [
        ["every wording gets the same type", f"{_share(found['same_type'], n)}"],
        ["the same type, polarity and modality", f"{_share(found['same_told'], n)}"],
        ["the same types in the whole sentence", f"{_share(found['same_sentence'], n)}"],
        ["every wording gets the right type", f"{_share(found['right'], n)}"],
    ]
    summary = (
        f"{n} sets, {found['wordings']} sentences, {found['found']} of them with the right type on the marked word. "
        f"Within a set the probability that the sentence tells the type differs by {100 * spread['mean_spread']:.1f} points on average, "
        f"{100 * spread['max_spread']:.1f} at most."
    )
    contrasts = []
    for name, one in found["contrasts"].items():
        shares = [_share(one[key], one["sets"]) for key in ("same_type", "same_told", "right")]
        contrasts.append([name, *shares, f"{100 * one['score']['mean_spread']:.1f}"])
    terms = [
        [
            name,
            term,
            f"{row['found']} of {row['n']}",
            "–" if row["difference"] is None else f"{100 * row['difference']:+.1f}",
        ]
        for name, one in found["contrasts"].items()
        for term, row in one["terms"].items()
    ]
    differing = [
        [row["name"], row["type"], one["term"], one["trigger"], _told(one["told"]), f"{one['score']:.2f}"]
        for row in found["differing"]
        for one in row["wordings"]
    ]
    parts = [
        _PROSE,
        f"Measured on the weights `{found['model'][:12]}`.",
        _table(["of the sets", "share"], rows),
        summary,
        "## By kind of choice",
        _table(["choice", "same type", "and polarity, modality", "right in all", "mean spread, points"], contrasts),
        "## By term",
        "How often the right type is found, and the mean difference of the probability that the sentence tells it to that of the plainest wording.",
        _table(["choice", "term", "found", "difference, points"], terms),
        "## Sets that are not read alike",
        _table(["set", "type", "term", "trigger", "found on it", "type in the sentence"], differing) if differing else "None.",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.0f} %)"


def _told(told: Sequence[Sequence[str]]) -> str:
    usual = set(_DEFAULTS.values())
    return "; ".join(" ".join([kind, *(v for v in values if v not in usual)]) for kind, *values in told) or "nothing"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
