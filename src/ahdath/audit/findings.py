"""What a check gives (Finding, at one or two Places), and what it reads (Reading: a document with its words)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ahdath.schema import Document, Span
from ahdath.text import light_stem, normalize, sentences, words

__all__ = ["Finding", "Place", "Reading", "forms_of", "ranked", "stem_of"]

_AROUND = 60  # characters of context on either side: enough to judge most findings without opening the file


@dataclass(frozen=True, slots=True)
class Place:
    """A range of a document, and the text around it on one line, the range between ⟦ and ⟧."""

    document: str
    start: int
    end: int
    context: str

    def to_dict(self) -> dict[str, Any]:
        """`{"id", "start", "end", "context"}`."""
        return {"id": self.document, "start": self.start, "end": self.end, "context": self.context}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: `kind`, where, why; `other` is the place it is compared with.

    `weight` in [0, 1] says how strong the evidence is, within its kind.
    """

    kind: str
    place: Place
    message: str
    other: Place | None = None
    weight: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """`{"kind", "id", "start", "end", "message", "weight", "context", "other"}`, all JSON-able."""
        return {
            "kind": self.kind,
            "id": self.place.document,
            "start": self.place.start,
            "end": self.place.end,
            "message": self.message,
            "weight": round(self.weight, 4),
            "context": self.place.context,
            "other": None if self.other is None else self.other.to_dict(),
        }


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by kind, in each the strongest first; every finding once."""

    def order(one: Finding) -> tuple[object, ...]:
        at, other = one.place, one.other
        there = ("", 0, 0) if other is None else (other.document, other.start, other.end)
        return one.kind, -one.weight, at.document, at.start, at.end, one.message, there

    return sorted(dict.fromkeys(findings), key=order)


def forms_of(words: str, *, joined: bool = False) -> frozenset[str]:
    """The words of a rule as `Reading.forms` has them; `joined`: also behind `و` and `ف`.

    >>> sorted(forms_of("إلى", joined=True))
    ['الي', 'فالي', 'والي']
    """
    return frozenset(
        front + normalize(word) for word in words.split() for front in (("", "و", "ف") if joined else ("",))
    )


@lru_cache(maxsize=1 << 17)
def stem_of(form: str) -> str:
    """`light_stem`, remembered: a corpus has far fewer forms than words."""
    return light_stem(form)


@dataclass(frozen=True, slots=True)
class Reading:
    """A document with its words. All three lists have one entry a word, symbols included.

    `spans` are offsets, `forms` normalised, `sentence` the number of the sentence it stands in. `name` is the
    document's id, or `#3` for the third document where it has none.
    """

    name: str
    document: Document
    spans: list[tuple[int, int]]
    forms: list[str]
    sentence: list[int]

    @classmethod
    def of(cls, document: Document, number: int) -> Reading:
        """The reading of the `number`-th document."""
        text = document.text
        spans = words(text)
        ends = [end for _, end in sentences(text)]
        forms = [normalize(text[start:end]) for start, end in spans]
        return cls(document.id or f"#{number}", document, spans, forms, [bisect_right(ends, s) for s, _ in spans])

    def within(self, span: Span) -> range:
        """The numbers of the words that lie in the span, in whole or part; empty where it holds only blanks."""
        first = bisect_right(self.spans, span.start, key=lambda pair: pair[1])
        return range(first, max(first, bisect_left(self.spans, span.end, key=lambda pair: pair[0])))

    def is_word(self, at: int) -> bool:
        """Whether the word is one of letters or digits, not a symbol."""
        return any(character.isalnum() for character in self.forms[at])

    def place(self, start: int, end: int) -> Place:
        """The place of a range of characters."""
        text = self.document.text
        before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
        left, right = "…" * (start > _AROUND), "…" * (end + _AROUND < len(text))
        context = " ".join(f"{left}{before}⟦{text[start:end]}⟧{after}{right}".split())
        return Place(self.name, start, end, context)

    def place_of_words(self, first: int, last: int) -> Place:
        """The place from word `first` to word `last`, both included."""
        return self.place(self.spans[first][0], self.spans[last][1])
