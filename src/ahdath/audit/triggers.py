"""Words that are a trigger in one place and nothing in another, by form and by light stem.

Many words are both by right (`الأمن`, `عملية`), so only one-sided evidence counts: a word that is a trigger
nearly always and here is none (`trigger-left`), or is one here and nearly never elsewhere (`trigger-odd`).
A paragraph without events often has such words on purpose, so what is left there is a kind of its own
(`trigger-left-empty`). A stem joins words that have nothing to do with each other (`قبل`, `قبلت`); it is asked only
where the form is rare, and never to call a trigger odd.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ahdath.audit.findings import Finding, Reading, stem_of

__all__ = ["trigger_findings"]

_ENOUGH = 3
"""Other occurrences of a form below which the stem is asked instead: two places are no habit."""

_STEM = 0.8
"""What the evidence of a stem is worth beside that of a form."""

_LEFT = 0.7
"""Share of other occurrences that are triggers from which one that is none is told."""

_ODD = 0.9
"""Share of other occurrences that are none from which a trigger is told: nouns have many uses beside the event."""


@dataclass(slots=True)
class _Uses:
    """Where a form or stem stands: (reading, word) as trigger with its type, and left."""

    triggers: list[tuple[int, int, str]] = field(default_factory=list)
    left: list[tuple[int, int]] = field(default_factory=list)


def trigger_findings(readings: Sequence[Reading]) -> Iterator[Finding]:
    """`trigger-left`, `trigger-left-empty` and `trigger-odd`; `weight` is the share of the other occurrences that speak against it."""
    forms, stems, marked = _count(readings)
    for number, reading in enumerate(readings):
        for at, form in enumerate(reading.forms):
            kind = marked[number].get(at)
            if kind == "" or not reading.is_word(at) or form[0].isdigit():
                continue
            uses, name, worth = forms[form], f"{form!r}", 1.0
            if kind is None and len(uses.triggers) + len(uses.left) <= _ENOUGH:
                uses, name, worth = stems[stem_of(form)], f"the stem {stem_of(form)!r}", _STEM
            triggers, left = len(uses.triggers), len(uses.left)
            if kind is None:
                share = triggers / (triggers + left)  # this one stands for the doubt: never quite 1
                if triggers >= _ENOUGH and share >= _LEFT:
                    types = Counter(name for *_, name in uses.triggers)
                    usual = min(types, key=lambda name: (-types[name], name))
                    message = f"{name} is a trigger in {triggers} of {triggers + left} places ({usual}), not here"
                    other = _nearest(readings, (number, at), [use[:2] for use in uses.triggers])
                    left_in = "trigger-left" if reading.document.events else "trigger-left-empty"
                    yield _finding(left_in, readings, (number, at), message, other, share * worth)
            else:
                share = left / (triggers + left)
                if left >= _ENOUGH and share >= _ODD:
                    message = f"{kind}: {name} is a trigger in {triggers} of {triggers + left} places only"
                    other = _nearest(readings, (number, at), uses.left)
                    yield _finding("trigger-odd", readings, (number, at), message, other, share)


def _count(readings: Sequence[Reading]) -> tuple[dict[str, _Uses], dict[str, _Uses], list[dict[int, str]]]:
    """Uses by form and by stem; and per reading the trigger words with their type, "" for a word behind the first.

    Words behind the first of a trigger of several count neither way: `النار` of `إطلاق النار` is no trigger alone.
    """
    forms: dict[str, _Uses] = defaultdict(_Uses)
    stems: dict[str, _Uses] = defaultdict(_Uses)
    marked: list[dict[int, str]] = []
    for number, reading in enumerate(readings):
        marks: dict[int, str] = {}
        for event in reading.document.events:
            inside = reading.within(event.trigger)
            for at in inside:
                marks[at] = marks.get(at) or (event.type if at == inside[0] else "")
        marked.append(marks)
        for at, form in enumerate(reading.forms):
            kind = marks.get(at)
            for uses in (forms[form], stems[stem_of(form)]) if kind != "" else ():
                if kind is None:
                    uses.left.append((number, at))
                else:
                    uses.triggers.append((number, at, kind))
    return forms, stems, marked


def _nearest(readings: Sequence[Reading], here: tuple[int, int], there: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Of other places the one whose neighbours are most like here, to compare like with like; the first of equals."""
    mine = _neighbours(readings[here[0]], here[1])
    candidates = there[:200]  # beyond that, more of the same
    return max(candidates, key=lambda place: len(mine & _neighbours(readings[place[0]], place[1])))


def _neighbours(reading: Reading, at: int) -> set[tuple[int, str]]:
    reach = (near for near in (at - 2, at - 1, at, at + 1, at + 2) if 0 <= near < len(reading.forms))
    return {(near - at, reading.forms[near]) for near in reach}


def _finding(
    kind: str, readings: Sequence[Reading], here: tuple[int, int], message: str, there: tuple[int, int], weight: float
) -> Finding:
    places = [readings[number].place_of_words(at, at) for number, at in (here, there)]
    return Finding(kind, places[0], message, places[1], weight)
