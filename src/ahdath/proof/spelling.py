"""How much spelling matters: variants that normalisation undoes must change nothing, a typo may cost a little.

This module knows nothing of models; it asks an extractor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

import numpy as np

from ahdath import metrics
from ahdath.augment import spelling_variants, typo
from ahdath.corpus import with_sentences
from ahdath.evaluation import Extractor
from ahdath.schema import Document
from ahdath.text import words
from ahdath.tokenization import word_span

__all__ = ["event_changes", "robustness"]

Change = Callable[[Document, np.random.Generator], Document]


def robustness(
    extractor: Extractor, documents: Sequence[Document], *, seed: int = 0, typo_seeds: int = 3, every: int = 15
) -> dict[str, Any]:
    """Answers to respelled and to mistyped documents against those to the documents as they are.

    "spelling" counts the words that `augment.spelling_variants` changed, the events found without, and those
    that came, went or changed: in type, words, arguments or attributes. "typo" has TC F1 in [0, 1] before and
    after one typo in `every` words, the mean over `typo_seeds` draws, and the `drop` in points.
    """
    before = list(extractor.classify_many(document.text for document in documents))
    respelled = _changed(documents, spelling_variants, seed)
    after = list(extractor.classify_many(document.text for document in respelled))
    pairs = list(zip(before, after, strict=True))
    changed = sum(_changed_words(*pair) for pair in zip(documents, respelled, strict=True))
    f1 = _tc(documents, before)
    runs = []
    for number in range(typo_seeds):
        mistyped = _changed(documents, lambda document, rng: typo(document, rng, every), seed + 1 + number)
        runs.append(_tc(mistyped, list(extractor.classify_many(document.text for document in mistyped))))
    return {
        "documents": len(documents),
        "seed": seed,
        "spelling": {
            "words": sum(len(words(document.text)) for document in documents),
            "changed_words": changed,
            "events": sum(len(document.events) for document in before),
            "changed_events": sum(event_changes(*pair) for pair in pairs),
        },
        "typo": {"every": every, "before": f1, "after": mean(runs), "runs": runs, "drop": 100 * (f1 - mean(runs))},
    }


def event_changes(one: Document, other: Document) -> int:
    """Events of two answers that have no equal on the other side; places are counted in words, not characters.

    >>> from ahdath.schema import Event, Span
    >>> plain = Document("قصف حلب", (Event("Conflict.Attack", Span(0, 3, "قصف")),))
    >>> marked = Document("قَصف حلب", (Event("Conflict.Attack", Span(0, 4, "قَصف")),))
    >>> event_changes(plain, marked), event_changes(plain, Document("قَصف حلب"))
    (0, 1)
    """
    mine, theirs = _keys(one), _keys(other)
    return ((mine - theirs) | (theirs - mine)).total()


def _keys(document: Document) -> Counter[Any]:
    spans = words(document.text)
    return Counter(
        (
            event.type,
            word_span(spans, event.trigger.start, event.trigger.end),
            event.modality,
            event.polarity,
            tuple(sorted((a.role, *word_span(spans, a.span.start, a.span.end)) for a in event.arguments)),
        )
        for event in document.events
    )


def _changed(documents: Sequence[Document], change: Change, seed: int) -> list[Document]:
    """Every document changed by its own Generator, and its sentences cut anew."""
    made = (change(document, np.random.default_rng((seed, at))) for at, document in enumerate(documents))
    return [with_sentences(document) for document in made]


def _changed_words(one: Document, other: Document) -> int:
    places = zip(words(one.text), words(other.text), strict=True)
    return sum(one.text[a:b] != other.text[c:d] for (a, b), (c, d) in places)


def _tc(gold: Sequence[Document], answers: Sequence[Document]) -> float:
    return metrics.score(gold, answers, bootstrap=0).measures["TC"].f1
