"""What to annotate next: unlabelled paragraphs, those first of which a model is least sure.

Uncertainty sampling (Lewis and Gale 1994) with the measures that Settles and Craven (2008) and Settles (2009, section 3.1)
compare, over the calibrated probabilities of triggers and arguments, also of those below the model's threshold. What is
chosen together must differ: of a short list of the least sure, one after the other is taken that is unsure and unlike
those taken before (a short list as in Zhdanov 2019, taking turns as in maximal marginal relevance, Carbonell and Goldstein
1998). The pool is streamed; only the short list is kept. This module knows no files and no annotation tool.

    Lewis, Gale: A sequential algorithm for training text classifiers. SIGIR 1994.
    Carbonell, Goldstein: The use of MMR, diversity-based reranking. SIGIR 1998.
    Settles, Craven: An analysis of active learning strategies for sequence labeling tasks. EMNLP 2008.
    Settles: Active learning literature survey. University of Wisconsin-Madison, TR 1648, 2009.
    Zhdanov: Diverse mini-batch active learning. arXiv:1901.05954, 2019.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

from .corpus.compiling import is_whole
from .errors import ConfigError, DataError, did_you_mean
from .schema import Document, Span
from .text import light_stem, normalize, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STRATEGIES", "record", "suggest", "uncertainty"]

STRATEGIES = ("entropy", "entropy-per-word", "margin", "random")
"""How paragraphs are ranked; see `uncertainty`. `random` is what the others have to beat."""

_SHORT_LIST, _AT_MOST = 4, 4000  # so many times the paragraphs that are asked for, so many more at most
_BUCKETS = 4096  # of hashed stems: two stems in one bucket make paragraphs look a little more alike than they are


class Reader(Protocol):
    """What `suggest` asks of a model: `EventExtractor` has it."""

    def classify_many(
        self, texts: Iterable[str], *, batch_size: int = 16, threshold: float | None = None
    ) -> Iterator[Document]:
        """One Document a text, in order."""


def suggest(
    model: Reader, pool: Iterable[Document], *, count: int = 100, strategy: str = "entropy", diversity: float = 1.0,
    known: Iterable[str] = (), floor: float = 0.05, batch_size: int = 16, seed: int = 0,
) -> list[Document]:  # fmt: skip
    """The `count` paragraphs of `pool` to annotate next, with the model's events, the most useful first.

    Args:
        model: an `EventExtractor`.
        pool: unlabelled paragraphs; `id` and `meta` are kept, `meta` gets `rank` (from 1) and `uncertainty`.
        strategy: one of STRATEGIES.
        diversity: from 0, uncertainty alone, to 1, where a copy of a paragraph already taken is worth nothing.
        known: texts that are annotated already: they are not suggested again, and their like is worth less.
        floor: lowest probability of a trigger that counts as a doubt.
        seed: of `random`.

    A text that stands twice in the pool, whatever its spelling, is suggested once; fewer than `count` come back
    where the pool has no more. Raises ConfigError for an option out of range.

    >>> pool = [Document("قصفت الطائرات حلب."), Document("الطقس معتدل.")]
    >>> suggest(EventExtractor.from_pretrained(), pool, count=1)[0].events              # doctest: +SKIP
    """
    _check(count, strategy, diversity, floor)
    annotated = list(known)
    seen = {_digest(text) for text in annotated}
    fresh = _unseen(pool, seen)
    dice = random.Random(seed)
    if strategy == "random":
        rated: Iterable[tuple[float, Document]] = ((dice.random(), document) for document in fresh)
        diversity = 0.0
    else:
        rated = _rated(model, fresh, strategy, floor, batch_size)
    listed = _best(rated, min(_SHORT_LIST * count, count + _AT_MOST) if diversity else count)
    chosen = _diverse(listed, annotated, count, diversity) if diversity else listed[:count]
    read = model.classify_many([document.text for _, document in chosen], batch_size=batch_size)
    return [
        replace(found, id=document.id, meta={**document.meta, "rank": rank, "uncertainty": round(value, 4)})
        for rank, (found, (value, document)) in enumerate(zip(read, chosen, strict=True), 1)
    ]


def _check(count: int, strategy: str, diversity: float, floor: float) -> None:
    if count < 1:
        raise ConfigError(f"count {count}: expected 1 or more")
    if strategy not in STRATEGIES:
        near = did_you_mean(strategy, STRATEGIES)
        raise ConfigError(f"strategy {strategy!r}: expected one of {', '.join(STRATEGIES)}{near}")
    for name, value in (("diversity", diversity), ("floor", floor)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} {value}: expected a number from 0 to 1")


def uncertainty(document: Document, strategy: str = "entropy") -> float:
    """How unsure a model was that read `document` with a low threshold; 0 where it saw nothing to decide.

    `entropy`: bits of all its yes-or-no decisions together, triggers and, as likely as their trigger, arguments (total
    entropy; prefers long paragraphs full of events). `entropy-per-word`: the same by word. `margin`: 1 minus the
    distance between yes and no of the least sure trigger.

    >>> event = Event("Life.Die", Span.of("مقتل جندي", 0, 4), score=0.5)
    >>> uncertainty(Document("مقتل جندي", (event,)))
    1.0
    """
    if strategy == "margin":
        return max((1 - abs(2 * event.score - 1) for event in document.events), default=0.0)
    bits = sum(
        _bits(event.score) + event.score * sum(_bits(argument.score) for argument in event.arguments)
        for event in document.events
    )
    return bits / max(len(words(document.text)), 1) if strategy == "entropy-per-word" else bits


def _bits(chance: float) -> float:
    """Entropy of a yes-or-no decision."""
    if not 0 < chance < 1:
        return 0.0
    return -chance * math.log2(chance) - (1 - chance) * math.log2(1 - chance)


def _rated(
    model: Reader, pool: Iterable[Document], strategy: str, floor: float, batch_size: int
) -> Iterator[tuple[float, Document]]:
    """Uncertainty and paragraph, streaming: the model reads ahead of what comes out."""
    ahead: deque[Document] = deque()

    def texts() -> Iterator[str]:
        for document in pool:
            ahead.append(document)
            yield document.text

    for found in model.classify_many(texts(), batch_size=batch_size, threshold=floor):
        yield uncertainty(found, strategy), ahead.popleft()


def _best(rated: Iterable[tuple[float, Document]], count: int) -> list[tuple[float, Document]]:
    """The `count` highest, the earlier of equals first; no more than that many are ever held."""
    keyed = ((value, -number, document) for number, (value, document) in enumerate(rated))
    return [(value, document) for value, _, document in heapq.nlargest(count, keyed, key=lambda row: row[:2])]


def _forms(text: str) -> list[str]:
    forms = (normalize(text[start:end]) for start, end in words(text))
    return [form for form in forms if any(character.isalnum() for character in form)]


def _digest(text: str) -> bytes:
    """Sixteen bytes that spellings of the same words share."""
    return blake2b(" ".join(_forms(text)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _unseen(pool: Iterable[Document], seen: set[bytes]) -> Iterator[Document]:
    for document in pool:
        if not isinstance(document, Document):
            raise DataError(f"pool: expected Documents, found {type(document).__name__}; write Document(text)")
        if not document.text.strip():
            continue
        digest = _digest(document.text)
        if digest not in seen:
            seen.add(digest)
            yield document


def _diverse(
    listed: Sequence[tuple[float, Document]], known: Sequence[str], count: int, diversity: float
) -> list[tuple[float, Document]]:
    """One after the other the paragraph of the highest uncertainty · (1 - diversity · likeness to the nearest taken)."""
    import numpy as np

    if not listed:
        return []
    vectors, theirs = _vectors([document.text for _, document in listed], known)
    values = np.array([value for value, _ in listed])
    likeness = np.zeros(len(listed), np.float32)
    for at in range(0, len(theirs), 1024):
        likeness = np.maximum(likeness, (vectors @ theirs[at : at + 1024].T).max(1))
    left = np.ones(len(listed), bool)
    taken = []
    for _ in range(min(count, len(listed))):
        worth = np.where(left, values * (1 - diversity * likeness.clip(0, 1)), -1.0)
        best = int(worth.argmax())
        left[best] = False
        taken.append(listed[best])
        likeness = np.maximum(likeness, vectors @ vectors[best])
    return taken


def _vectors(texts: Sequence[str], known: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Unit vectors of hashed stems by tf-idf over the short list. Shape: (texts, _BUCKETS), (known, _BUCKETS)."""
    import numpy as np

    def counts(text: str) -> Counter[int]:
        stems = (light_stem(form).encode("utf-8", "surrogatepass") for form in _forms(text))
        return Counter(crc32(stem) % _BUCKETS for stem in stems)

    def table(rows: Sequence[Mapping[int, int]], weight: NDArray[Any]) -> NDArray[Any]:
        made = np.zeros((len(rows), _BUCKETS), np.float32)
        for row, found in zip(made, rows, strict=True):
            for bucket, number in found.items():
                row[bucket] = (1 + math.log(number)) * weight[bucket]
        made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
        return made

    own = [counts(text) for text in texts]
    frequency = np.zeros(_BUCKETS, np.float32)
    for found in own:
        frequency[list(found)] += 1
    weight = np.log((1 + len(own)) / (1 + frequency)) + 0.1  # a stem of every paragraph still counts a little
    return table(own, weight), table([counts(text) for text in known], weight)


# ---------------------------------------------------------------------- for a text editor


def record(document: Document) -> dict[str, Any]:
    """The document as a line to correct by hand, which `ahdath corpus compile` reads: spans are words, not offsets.

    Spans grow to whole words, and what is then told twice is told once. Plain values of `meta` stand beside.

    >>> text = "قصف حلب ثم قصف حمص"
    >>> record(Document(text, (Event("Conflict.Attack", Span.of(text, 11, 14)),), id="1"))["events"]
    [{'type': 'Conflict.Attack', 'trigger': 'قصف#2', 'args': []}]
    """
    plain = {key: value for key, value in document.meta.items() if isinstance(value, str | int | float | None)}
    events: list[dict[str, Any]] = []
    told: set[tuple[str, str]] = set()
    for event in document.events:
        trigger = _marked(document.text, event.trigger)
        if (event.type, trigger) in told:
            continue
        told.add((event.type, trigger))
        pairs = dict.fromkeys((argument.role, _marked(document.text, argument.span)) for argument in event.arguments)
        made = {"type": event.type, "trigger": trigger, "args": [list(pair) for pair in pairs]}
        usual = {"modality": "asserted", "polarity": "positive"} if event.ontology is None else event.ontology.defaults
        given = {name: getattr(event, name) for name in ("modality", "polarity")}
        events.append(made | {name: value for name, value in given.items() if value != usual.get(name, value)})
    own = {"id": document.id, "text": document.text, "events": events}
    return own | {key: value for key, value in plain.items() if key not in own}


def _marked(text: str, span: Span) -> str:
    """The words of a span, with `#n` where they do not stand there first."""
    start, end = span.start, span.end
    while not is_whole(text, start, len(text)):
        start -= 1
    while not is_whole(text, 0, end):
        end += 1
    string, before, at = text[start:end], 0, text.find(text[start:end])
    while 0 <= at < start:  # as compiling counts: whole words, the next one behind them
        whole = is_whole(text, at, at + len(string))
        before += whole
        at = text.find(string, at + (len(string) if whole else 1))
    nth = before + (at == start)  # words that repeat into themselves (`مرة مرة مرة`): the occurrence that overlaps
    return f"{string}#{nth}" if nth > 1 or "#" in string else string
