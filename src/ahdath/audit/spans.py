"""Spans that break the guidelines in a way that needs no understanding: edges, length, words that never belong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ahdath.audit.findings import Finding, Reading, forms_of, stem_of
from ahdath.errors import shown
from ahdath.schema import Span
from ahdath.text import normalize

__all__ = ["span_findings"]


_PREPOSITIONS: Mapping[str, str] = {
    "في من إلى عن مع": "prepositions proper; a separate one is outside (rule 10)",
    "حتى منذ خلال أثناء قبل بعد": "of time: outside, and the time is what they introduce (rule 15, decisions)",
    "قرب عند لدى بين عبر": "of place: outside (decisions); `شرق`, `وسط`, `داخل` are nouns of a place, and inside",
    "ضد حول تجاه إزاء بشأن دون بدون رغم بسبب": "introduce the party or the matter, which alone is the span",
}
"""Normalised `على` is the name `علي` too, so it is asked of the raw word. `نحو` and `حوالي` belong to a count."""

_PREPOSITION_FORMS = forms_of(" ".join(_PREPOSITIONS), joined=True)
_ON = frozenset({"على", "وعلى", "فعلى"})
_NO_PREPOSITION = re.compile("آلي|و?والي")
"""`آلي` and the governor, `والي`, are spelled like `إلى` and `وإلى` once normalised."""

_PART_OF_TIME = forms_of("ظهر الظهر غد منتصف")
"""Behind `بعد` they make a time of day (`بعد ظهر الأحد`) or a day (`بعد غد`), which is one expression."""

_PRONOUNS = forms_of("هو هي هم هما هن أنا نحن أنت أنتم إياه إياها", joined=True)
"""Never a span nor at its edge (rule 12)."""

_POINTERS = forms_of("هذا هذه ذلك تلك هؤلاء أولئك", joined=True)
"""Pronouns where they stand alone; before a noun (`هذا الاتفاق`) part of it."""

_RELATIVES = forms_of("الذي التي الذين اللذان اللذين اللتان اللتين اللواتي اللاتي اللائي للذي للتي للذين", joined=True)
"""A relative clause is cut off (rule 9)."""

_FIXED = frozenset(map(stem_of, forms_of("النار مصرعه حتفه السيطرة القبض سراح سبيل اليمين الحياة السلاح بشرية")))
"""Last words of the expressions that the guidelines and decisions name as triggers of several words (rules 5, 7)."""

_FIXED_FROM = 3
"""So often does a trigger end in this word that it is a fixed expression of the corpus too."""

_TOPIC_WORDS = 8
"""At most about eight words (rule 16)."""

_PAIRS = {"«": "»", '"': '"', "“": "”", "(": ")", "[": "]", "'": "'", "‘": "’"}
_UNITS = "%٪‰$€£¥°"
"""Symbols that are part of a number."""


def span_findings(readings: Sequence[Reading]) -> Iterator[Finding]:
    """The kinds `span-…` and `trigger-words`, each naming the rule's matter in its message."""
    fixed = _fixed_expressions(readings)
    for reading in readings:
        for event in reading.document.events:
            label = f"trigger of {event.type}"
            yield from _edges(reading, event.trigger, label)
            inside = _words(reading, event.trigger)
            if len(inside) > 1:
                yield from _ends(reading, event.trigger, label)
                if stem_of(reading.forms[inside[-1]]) not in fixed:
                    message = f"{label} {shown(event.trigger.text)} has {len(inside)} words and is no fixed expression"
                    yield _finding("trigger-words", reading, event.trigger, message)
            for argument in event.arguments:
                label = f"{argument.role}"
                yield from _edges(reading, argument.span, label)
                yield from _ends(reading, argument.span, label)
                yield from _contents(reading, argument.span, label, event.trigger)


def _fixed_expressions(readings: Sequence[Reading]) -> frozenset[str]:
    """Stems of the last words of fixed expressions: given ones, and those that triggers of several words share."""
    ends: Counter[str] = Counter()
    for reading in readings:
        for event in reading.document.events:
            inside = _words(reading, event.trigger)
            if len(inside) > 1:
                ends[stem_of(reading.forms[inside[-1]])] += 1
    return _FIXED | {stem for stem, count in ends.items() if count >= _FIXED_FROM}


def _words(reading: Reading, span: Span) -> list[int]:
    return [at for at in reading.within(span) if reading.is_word(at)]


def _edges(reading: Reading, span: Span, label: str) -> Iterator[Finding]:
    """Punctuation at an edge, unless it belongs to a pair that opens inside or to a number."""
    text = span.text
    around = len(text) > 1 and _PAIRS.get(text[0]) == text[-1] and text[1:-1].count(text[-1]) == 0
    for edge, character in (("starts", text[0]), ("ends", text[-1])):
        if character.isspace():
            yield _finding("span-edge", reading, span, f"{label} {shown(text)} {edge} with a blank")
        elif around and edge == "starts":
            yield _finding("span-edge", reading, span, f"{label} {shown(text)} stands in {text[0]}{text[-1]}")
        elif not around and _is_loose(text, character):
            yield _finding("span-edge", reading, span, f"{label} {shown(text)} {edge} with {character!r}")


def _is_loose(text: str, character: str) -> bool:
    if character.isalnum() or character in _UNITS or normalize(character) == "":
        return False
    for first, last in _PAIRS.items():
        if character in (first, last):
            return text.count(first) % 2 == 1 if first == last else text.count(first) != text.count(last)
    return True


def _ends(reading: Reading, span: Span, label: str) -> Iterator[Finding]:
    """A separate preposition or pronoun as first or last word."""
    inside = _words(reading, span)
    if not inside:
        yield _finding("span-edge", reading, span, f"{label} {shown(span.text)} has no word")
        return
    for edge, at in (("starts", inside[0]), ("ends", inside[-1])):
        form, raw = reading.forms[at], _raw(reading, at)
        if _is_preposition(reading, at):
            yield _finding(
                "span-preposition",
                reading,
                span,
                f"{label} {shown(span.text)} {edge} with the separate preposition {raw!r}",
            )
        elif (form in _PRONOUNS and not _is_joined(reading, at)) or (form in _POINTERS and len(inside) == 1):
            yield _finding("span-pronoun", reading, span, f"{label} {shown(span.text)} {edge} with the pronoun {raw!r}")
        if len(inside) == 1:
            break


def _is_preposition(reading: Reading, at: int) -> bool:
    form, raw = reading.forms[at], _raw(reading, at)
    behind = reading.forms[at + 1] if at + 1 < len(reading.forms) else ""
    if behind in _PART_OF_TIME or _NO_PREPOSITION.fullmatch(raw):
        return False
    return raw in _ON or form in _PREPOSITION_FORMS


def _is_joined(reading: Reading, at: int) -> bool:
    """Whether a hyphen stands before the word: the `هو` of the name `مين-هو`."""
    start = reading.spans[at][0]
    return start > 0 and reading.document.text[start - 1] in "-–"


def _contents(reading: Reading, span: Span, label: str, trigger: Span) -> Iterator[Finding]:
    if span == trigger:
        yield _finding("span-trigger", reading, span, f"{label} {shown(span.text)} is the trigger itself")
    inside = _words(reading, span)
    relative = next((_raw(reading, at) for at in inside if reading.forms[at] in _RELATIVES), None)
    if relative is not None:
        yield _finding("span-relative", reading, span, f"{label} {shown(span.text)} has the relative {relative!r}")
    if label == "Topic" and len(inside) > _TOPIC_WORDS:
        over = len(inside) - _TOPIC_WORDS
        message = f"Topic {shown(span.text)} has {len(inside)} words"
        yield _finding("span-long-topic", reading, span, message, 1 - 1 / (1 + over))


def _raw(reading: Reading, at: int) -> str:
    start, end = reading.spans[at]
    return reading.document.text[start:end]


def _finding(kind: str, reading: Reading, span: Span, message: str, weight: float = 1.0) -> Finding:
    return Finding(kind, reading.place(span.start, span.end), message, None, weight)
