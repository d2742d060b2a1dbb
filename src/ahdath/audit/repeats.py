"""Near-duplicates (shingles of words) and repeated skeletons (shingles of words with arguments left open).

The skeleton of a paragraph has the role in place of every argument and # in place of every number: two
paragraphs made from one template share it although no name is the same. Pairs are found through an index of
shingles; one that stands in very many paragraphs ties them to the first alone, so time stays near linear.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from ahdath.audit.findings import Finding, Reading

__all__ = ["repeat_findings"]

_TEXT_SHINGLE = 4
"""Words. Four in a row that recur are a phrase; many of them are a copy."""

_SKELETON_SHINGLE = 5
"""Words and roles. One longer than in the text, for roles recur far more often than words."""

_WORDS_IN_SHINGLE = 3
"""So many of a skeleton's shingle have to be words: `Agent Target في Place` says nothing."""

_NEAR = 0.15
"""Share of the shorter text's shingles. Independent paragraphs share under 0.1 but for set phrases."""

_SAME_FRAME = 0.15
"""Share of the shorter skeleton's shingles."""

_AT_LEAST = 4
"""Shared shingles; a headline that shares less shares a phrase."""

_COMMON = 40
"""Paragraphs. A shingle in more of them is a formula (`وكالات الأنباء عن مصدر في`)."""


def repeat_findings(readings: Sequence[Reading]) -> Iterator[Finding]:
    """Pairs of paragraphs: `duplicate` and `near-duplicate` of text, `skeleton` of what is left without arguments."""
    texts = [_text(reading) for reading in readings]
    seen: dict[tuple[str, ...], int] = {}
    copies: set[int] = set()
    for number, row in enumerate(texts):
        first = seen.setdefault(row.items, number)
        if first != number and row.items:
            copies.add(number)
            message = f"the same {len(row.items)} words as {readings[first].name}"
            yield _finding("duplicate", message, readings, (number, first), texts, (_all(row), _all(texts[first])), 1.0)
    kept = [number for number in range(len(readings)) if number not in copies]
    near = _alike(texts, kept, _TEXT_SHINGLE, _NEAR)
    yield from _findings("near-duplicate", readings, texts, near, _TEXT_SHINGLE)
    skeletons = [_skeleton(reading) for reading in readings]
    framed = _alike(skeletons, kept, _SKELETON_SHINGLE, _SAME_FRAME)
    # a skeleton that is the text itself was found as text
    fresh = {pair: share for pair, share in framed.items() if pair not in near}
    yield from _findings("skeleton", readings, skeletons, fresh, _SKELETON_SHINGLE)


@dataclass(frozen=True, slots=True)
class _Row:
    """What is compared of a paragraph: items, and for each the first and last word that it stands for."""

    items: tuple[str, ...]
    words: tuple[tuple[int, int], ...]


def _text(reading: Reading) -> _Row:
    kept = [at for at in range(len(reading.forms)) if reading.is_word(at)]
    return _Row(tuple(reading.forms[at] for at in kept), tuple((at, at) for at in kept))


def _skeleton(reading: Reading) -> _Row:
    roles: dict[int, tuple[int, str]] = {}  # first word -> last word and role of the longest argument there
    for event in reading.document.events:
        for argument in event.arguments:
            inside = reading.within(argument.span)
            if inside and inside[-1] >= roles.get(inside[0], (-1, ""))[0]:
                roles[inside[0]] = max(roles.get(inside[0], (-1, "")), (inside[-1], f"<{argument.role}>"))
    items: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    while at < len(reading.forms):
        last, item = roles.get(at, (at, reading.forms[at]))
        if item.startswith("<") and len(item) > 1:
            items.append(item)
            places.append((at, last))
        elif reading.is_word(at):
            items.append("#" if item[0].isdigit() else item)
            places.append((at, at))
        at = last + 1
    return _Row(tuple(items), tuple(places))


def _shingles(row: _Row, size: int) -> Iterator[tuple[str, ...]]:
    """In order; those with too few words are left out."""
    for start in range(len(row.items) - size + 1):
        shingle = row.items[start : start + size]
        if sum(item[0] not in "<#" for item in shingle) >= _WORDS_IN_SHINGLE:
            yield shingle


def _alike(rows: Sequence[_Row], kept: Sequence[int], size: int, share: float) -> dict[tuple[int, int], float]:
    """Pairs (earlier, later) and the share of the shorter one's shingles that both have, where it is large enough."""
    sets = {number: set(_shingles(rows[number], size)) for number in kept}
    standing: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number in kept:
        for shingle in sets[number]:
            standing[shingle].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in standing.values():
        few = len(numbers) <= _COMMON
        shared.update(combinations(numbers, 2) if few else ((numbers[0], other) for other in numbers[1:]))
    found = {}
    for pair, count in sorted(shared.items()):
        smaller = min(len(sets[number]) for number in pair)
        if count >= _AT_LEAST and count / smaller >= share:
            found[pair] = count / smaller
    return found


def _findings(
    kind: str, readings: Sequence[Reading], rows: Sequence[_Row], pairs: dict[tuple[int, int], float], size: int
) -> Iterator[Finding]:
    for (first, second), share in pairs.items():
        common = set(_shingles(rows[first], size)) & set(_shingles(rows[second], size))
        runs = (_longest(rows[second], common, size), _longest(rows[first], common, size))
        run = rows[second].items[runs[0][0] : runs[0][1] + 1]
        message = f"{share:.0%} of its word sequences are those of {readings[first].name}; longest: {' '.join(run)}"
        yield _finding(kind, message, readings, (second, first), rows, runs, share)


def _longest(row: _Row, common: Set[tuple[str, ...]], size: int) -> tuple[int, int]:
    """First and last item of the longest stretch that shared shingles cover."""
    best = start = end = 0
    found = (0, len(row.items) - 1)
    for at in range(len(row.items) - size + 1):
        if row.items[at : at + size] in common:
            start = at if at > end else start
            end = at + size - 1
            if end - start + 1 > best:
                best, found = end - start + 1, (start, end)
    return found


def _all(row: _Row) -> tuple[int, int]:
    return 0, len(row.items) - 1


def _finding(
    kind: str,
    message: str,
    readings: Sequence[Reading],
    pair: tuple[int, int],
    rows: Sequence[_Row],
    runs: tuple[tuple[int, int], tuple[int, int]],
    weight: float,
) -> Finding:
    """`pair` numbers the paragraph told of and the one it is compared with; `runs` are their shared items."""
    places = [
        readings[number].place_of_words(rows[number].words[first][0], rows[number].words[last][1])
        for number, (first, last) in zip(pair, runs, strict=True)
    ]
    return Finding(kind, places[0], message, places[1], min(weight, 1.0))
