"""Documents for the tests of `ahdath.formats`: one that is known by heart, and arbitrary ones.

The one known by heart, in code points and in words of its sentences (from 0):

    😀 قصفت القوات السورية حلب أمس. ونفى المتحدث سحب قواته.
    0  2    7      14      22  26 29 31   36      44   48   53
    0  1    2      3       4   5  6  0    1       2    3    4
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ahdath.corpus import with_sentences
from ahdath.formats import FormatWarning
from ahdath.schema import Argument, Document, Event, Span
from ahdath.text import sentences, words

GOLDEN = Path(__file__).parent / "golden"
TEXT = "😀 قصفت القوات السورية حلب أمس. ونفى المتحدث سحب قواته."


def span(start: int, end: int) -> Span:
    return Span.of(TEXT, start, end)


def known(**rest: Any) -> Document:
    """The document that the files in tests/golden/ hold."""
    attack = Event(
        "Conflict.Attack",
        span(2, 6),
        (Argument("Agent", span(7, 21)), Argument("Place", span(22, 25)), Argument("Time", span(26, 29))),
    )
    withdrawal = Event("Conflict.Withdraw", span(44, 47), (Argument("Object", span(48, 53)),), polarity="negative")
    return with_sentences(Document(TEXT, (attack, withdrawal), id="known", **rest))


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormatWarning)
        yield


_WORD = st.one_of(
    st.text("ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأإةىؤئ\u064b\u0651\u0640", min_size=1, max_size=6),
    st.sampled_from(
        [
            "😀",
            "👨🏻‍🚒",
            "e\u0301",
            "𝒳",
            "٣٫٥",
            "1,500",
            ".",
            "؟",
            "«",
            "»",
            "\u200f",
            "\u0301",
            "x_1",
            "B-x",
            "T1:T2",
            ";",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=3),
)
_SPACE = st.sampled_from([" ", " ", " ", "  ", "\n", "\u00a0", "", "\r\n", "\t"])
_TYPES = st.sampled_from(["Conflict.Attack", "Life.Die", "Contact.Meet"])
_ROLES = st.sampled_from(["Agent", "Target", "Place", "Participant"])


@st.composite
def documents(draw: st.DrawFn, *, apart: bool = False, attributes: bool = True, inside: bool = False) -> Document:
    """Any text, events on whole words of it.

    `inside`: arguments stay in the sentence of their trigger; `apart`: triggers do not overlap, nor do the arguments
    of an event; without `attributes` modality and polarity are the defaults.
    """
    text = "".join(draw(st.lists(st.one_of(_WORD, _SPACE), max_size=24)))
    everything = words(text)
    groups = [[w for w in everything if a <= w[0] < b] for a, b in sentences(text)] if inside else [everything]
    made, triggers = [], set[int]()
    for group in groups:
        for _ in range(draw(st.integers(0, 3)) if group else 0):
            trigger = draw(_range(group))
            if apart and triggers & set(trigger):
                continue
            triggers |= set(trigger)
            arguments, taken = [], set[int]()
            for _ in range(draw(st.integers(0, 3))):
                found = draw(_range(group))
                if not apart or not taken & set(found):
                    arguments.append(Argument(draw(_ROLES), Span.of(text, found.start, found.stop)))
                taken |= set(found)
            values = [
                draw(st.sampled_from(v)) if attributes else v[0]
                for v in (("asserted", "other"), ("positive", "negative"))
            ]
            kind = draw(_TYPES)
            made.append(Event(kind, Span.of(text, trigger.start, trigger.stop), tuple(arguments), *values))
    return Document(text, tuple(made), id=draw(st.sampled_from(["", "a", "وثيقة-1", "a b"])))


@st.composite
def _range(draw: st.DrawFn, group: list[tuple[int, int]]) -> range:
    first = draw(st.integers(0, len(group) - 1))
    last = draw(st.integers(first, min(first + 3, len(group) - 1)))
    return range(group[first][0], group[last][1])


def in_words(document: Document, *, one_word: bool = False) -> list[Any]:
    """The words of a document and its events on them by index, in text order; `one_word`: triggers cut to the first."""
    everything = words(document.text)
    starts, ends = [a for a, _ in everything], [b for _, b in everything]

    def at(part: Span, cut: bool = False) -> tuple[int, int]:
        first = starts.index(part.start)
        return first, first if cut else ends.index(part.end)

    events = [
        (at(e.trigger, one_word), e.type, sorted((at(a.span), a.role) for a in e.arguments)) for e in document.events
    ]
    return [[document.text[a:b] for a, b in everything], sorted(events)]


def named(document: Document) -> str:
    return document.id or "document-1"
