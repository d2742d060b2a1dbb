"""Self-training: unlabelled paragraphs with the events that several finished models agree on.

What a majority of differently seeded runs sees is right more often than what one of them sees, so a model that first learns
from such silver paragraphs and then from gold ones starts from more text than anybody has annotated (Yarowsky 1995; for
events, Liao and Grishman 2011). What it is worth by itself is not measured yet.

    Yarowsky: Unsupervised word sense disambiguation rivaling supervised methods. ACL 1995.
    Liao, Grishman: Can document selection help semi-supervised learning? A case study on event extraction. ACL 2011.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from .corpus.compiling import with_sentences
from .errors import DataError
from .schema import Argument, Document, Event
from .text import sentences, words

__all__ = ["agreed", "draw"]

Value = TypeVar("Value")


def draw(lines: Iterable[str], count: int, *, shortest: int = 8, longest: int = 70, seed: int = 0) -> list[str]:
    """`count` different paragraphs of `shortest` to `longest` words, drawn by lot; whole sentences, joined up to `longest`.

    Raises DataError where the text has fewer.
    """
    found = list(dict.fromkeys(chain.from_iterable(_pieces(line, shortest, longest) for line in lines)))
    if len(found) < count:
        raise DataError(f"expected {count:,} different paragraphs of {shortest} to {longest} words, found {len(found):,}; "
                        "ask for fewer or add text")  # fmt: skip
    random.Random(seed).shuffle(found)
    return found[:count]


def _pieces(line: str, shortest: int, longest: int) -> Iterator[str]:
    start = end = size = 0
    for first, last in [*sentences(line), (len(line), len(line))]:
        more = len(words(line[first:last]))
        if size + more > longest or first == last:
            if shortest <= size <= longest:
                yield line[start:end]
            start, size = first, 0
        elif not size:
            start = first
        end, size = last, size + more


def agreed(answers: Sequence[Document]) -> Document:
    """One paragraph as several models read it -> the events, arguments and attributes of most of them.

    An event is kept where more than half of the models have its trigger with its type, an argument where more than half of
    those that have the event give it that role. Attributes are the commonest.

    Raises DataError where the answers are about different texts or there are none.

    >>> agreed([model.classify("قصفت الطائرات حلب.") for model in models]).events   # doctest: +SKIP
    """
    if len({answer.text for answer in answers}) != 1:
        raise DataError(f"expected answers about one text, found {len({answer.text for answer in answers})} texts; "
                        "give one Document a model")  # fmt: skip
    seen: dict[tuple[object, str], list[Event]] = defaultdict(list)
    for answer in answers:
        for event in answer.events:
            seen[event.trigger, event.type].append(event)
    events = [_merged(found) for found in seen.values() if 2 * len(found) > len(answers)]
    events.sort(key=lambda event: (event.trigger.start, event.type))
    return with_sentences(replace(answers[0], events=tuple(events)))


def _merged(found: Sequence[Event]) -> Event:
    votes = Counter((argument.role, argument.span) for event in found for argument in event.arguments)
    kept = [pair for pair, number in votes.items() if 2 * number > len(found)]
    kept.sort(key=lambda pair: (pair[1].start, pair[0]))
    return Event(
        type=found[0].type,
        trigger=found[0].trigger,
        arguments=tuple(Argument(role, span) for role, span in kept),
        modality=_commonest(event.modality for event in found),
        polarity=_commonest(event.polarity for event in found),
    )


def _commonest(values: Iterable[Value]) -> Value:
    return Counter(values).most_common(1)[0][0]
