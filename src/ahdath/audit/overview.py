"""How the corpus is made up: counts by type, role, batch, spelling and length, as tables of text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ahdath.corpus.checking import tokens
from ahdath.schema import Document

__all__ = ["length_of", "overview", "spelling_of"]

_FINAL_YEH = re.compile(r"\b(?:و?[اإ]لي|و?حتي|و?لدي|[اإ]حدي|(?:ال)?مستشفي|ال[اأ]خري|مدي|سوي)\b")
"""Words on ى that written on ي are no other common word; `علي` may be the name and is not asked."""


_BARE_ALEF = re.compile(r"\bو?(?:ان|اعلن|اكد|الى|او|امس|اول|اكثر|انه|انها|اي|اثر|اضاف|اوضح|احد|الاول|اسرائيل)\b")
"""Common words on أ or إ; written with ا they tell of a writer who leaves hamzas out."""

_MAQSURA = re.compile(r"ى\b")
_HAMZA = re.compile("[أإ]")

_BARE_TEH = re.compile(r"\b(?:ال)?(?:مدينه|حكومه|منطقه|قوه|وزاره|شرطه|محكمه|دوله|جمهوريه|رئاسه|محافظه|عمليه|لجنه)\b")
"""Common nouns on ة, written on ه."""

_VOWELS = re.compile("[\u064c-\u0650\u0652\u0670]")
"""Marks of tashkeel but for the tanwin `ً` and shadda, which careful standard writes too."""

_LENGTHS = ((14, "1–14 (headline)"), (24, "15–24"), (69, "25–69"), (120, "70–120"))


def spelling_of(text: str) -> str:
    """`egyptian` (ي for ى), `careless` (hamzas left out, ه for ة), `tashkeel` (two vowel marks or more) or `standard`.

    The first that fits, by common words; a guess for counting, not for one paragraph.

    >>> spelling_of("وصل الرئيس الي القاهرة"), spelling_of("اعلن الوزير ان الوفد وصل"), spelling_of("قُتِل وجُرِح")
    ('egyptian', 'careless', 'tashkeel')
    """
    yeh, maqsura = len(_FINAL_YEH.findall(text)), len(_MAQSURA.findall(text))
    if yeh > maqsura:
        return "egyptian"
    bare, kept = len(_BARE_ALEF.findall(text)), len(_HAMZA.findall(text))
    if bare > kept or _BARE_TEH.search(text):
        return "careless"
    return "tashkeel" if len(_VOWELS.findall(text)) >= 2 else "standard"


def length_of(text: str) -> str:
    """The class of a text by its words, symbols not counted."""
    count = len(tokens(text))
    return next((name for most, name in _LENGTHS if count <= most), "over 120")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What is counted of a document, or of many."""

    words: int
    events: int
    arguments: int
    other: int
    negative: int

    @classmethod
    def of(cls, document: Document) -> _Sizes:
        events = document.events
        return cls(
            len(tokens(document.text)),
            len(events),
            sum(len(event.arguments) for event in events),
            sum(event.modality == "other" for event in events),
            sum(event.polarity == "negative" for event in events),
        )


_Row = tuple[Document, _Sizes]


def overview(documents: Sequence[Document]) -> str:
    """The counts of a corpus as tables of text: events by type, arguments by role, all else in columns.

    Tables by spelling, length and batch have paragraphs, words, events, arguments, the shares of events that
    are `other` and `negative`, and paragraphs without events.
    """
    rows = [(document, _Sizes.of(document)) for document in documents]
    events = [event for document in documents for event in document.events]
    return "\n".join(
        [
            _ranked("type", Counter(event.type for event in events)),
            _ranked("role", Counter(argument.role for event in events for argument in event.arguments)),
            _table("spelling", rows, lambda document: spelling_of(document.text)),
            _table("length", rows, lambda document: length_of(document.text)),
            _table("batch", rows, lambda document: str(document.meta.get("batch") or "–")),
            _table("all", rows, lambda document: "all"),
        ]
    )


def _ranked(title: str, counts: Counter[str]) -> str:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return "\n".join([f"by {title}", *(f"  {name:<28}{count:>8}" for name, count in ordered), ""])


def _table(title: str, rows: Sequence[_Row], name: Callable[[Document], str]) -> str:
    groups: dict[str, list[_Sizes]] = {}
    for document, sizes in rows:
        groups.setdefault(name(document), []).append(sizes)
    columns = f"{'paragr.':>8}{'words':>8}{'events':>8}{'args':>8}{'other':>8}{'negative':>9}{'empty':>7}"
    return "\n".join([f"{f'by {title}':<30}{columns}", *(_line(key, groups[key]) for key in sorted(groups)), ""])


def _line(name: str, sizes: Sequence[_Sizes]) -> str:
    words, events, arguments = (sum(getattr(one, key) for one in sizes) for key in ("words", "events", "arguments"))
    other, negative = (sum(getattr(one, key) for one in sizes) / max(events, 1) for key in ("other", "negative"))
    empty = sum(not one.events for one in sizes)
    return f"  {name:<28}{len(sizes):>8}{words:>8}{events:>8}{arguments:>8}{other:>8.1%}{negative:>9.1%}{empty:>7}"
