"""A text as the lexicon coder reads it: its words, normalised, and the sentence of each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ahdath.text import normalize, sentences, words

__all__ = ["Reading", "Stemmer", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a text. All sequences have one entry a word.

    `spans` are offsets in the raw text, `forms` normalised words, `sentence` numbers of sentences.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    forms: tuple[str, ...]
    sentence: tuple[int, ...]


def read(text: str) -> Reading:
    """The Reading of a text.

    >>> read("قصفت الطائرات. وفرّ الأهالي.").forms
    ('قصفت', 'الطايرات', '.', 'وفر', 'الاهالي', '.')
    """
    spans = tuple(words(text))
    starts = [start for start, _ in sentences(text)]
    place = tuple(max(0, bisect_right(starts, start) - 1) for start, _ in spans)
    return Reading(text, spans, tuple(normalize(text[a:b]) for a, b in spans), place)


@dataclass(frozen=True, slots=True)
class Stemmer:
    """Stems of normalised words; `known` counts the words of the training texts.

    A leading و or ف is a conjunction when what follows it is a known word of three letters or more, so that
    `وقصفت` and `قصفت` share a stem and `وزير` keeps its first letter.
    """

    stem: Callable[[str], str]
    known: Mapping[str, int]

    def joined(self, form: str) -> bool:
        """Whether the word begins with a conjunction."""
        return form[:1] in ("و", "ف") and len(form) > 3 and form[1:] in self.known

    def __call__(self, form: str) -> str:
        return self.stem(form[1:] if self.joined(form) else form)
