"""Scores -> triggers, arguments, attributes: the one decoder that training metrics, benchmark and `classify` share.

Pure functions of NumPy arrays and a few numbers. A word range is half-open, counted in words of the window. This
module knows no text, no tokenizer and no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["RoleSpan", "Trigger", "allowed_tags", "decode_arguments", "decode_attributes", "decode_triggers", "sigmoid"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """Words `first:last` trigger an event of type id `type` with probability `score`."""

    first: int
    last: int
    type: int
    score: float


@dataclass(frozen=True, slots=True)
class RoleSpan:
    """Words `first:last` fill role id `role` with probability `score` (given the event)."""

    first: int
    last: int
    role: int
    score: float


def sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """Logistic function without overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small))


def decode_triggers(
    scores: NDArray[Any], continuation: NDArray[Any], threshold: float, keep: NDArray[Any] | None = None
) -> list[Trigger]:
    """Triggers of one window, in order of word and type.

    Args:
        scores: probability that a trigger of each type starts at each word; Shape: (W, T).
        continuation: probability that a word continues the trigger before it; Shape: (W,).
        threshold: lowest probability that counts.
        keep: words that may start a trigger; Shape: (W,).
    """
    starts = scores >= threshold
    if keep is not None:
        starts = starts & keep[:, None]
    goes_on = continuation > 0.5
    # The second word of وقف إطلاق النار is no start of its own, unless it is one of another type.
    starts[1:] &= ~(goes_on[1:, None] & starts[:-1])
    found = []
    for word, kind in np.argwhere(starts).tolist():
        last = word + 1
        while last < len(goes_on) and goes_on[last] and not starts[last, kind]:
            last += 1
        found.append(Trigger(word, last, kind, float(scores[word, kind])))
    return found


def allowed_tags(allowed: NDArray[Any]) -> NDArray[Any]:
    """Which BIO tags (O, B of role 0, I of role 0, B of role 1, …) a set of roles admits.

    Shape: (..., R) bool -> (..., 2R+1) bool; O is always admitted.
    """
    return np.concatenate([np.ones((*allowed.shape[:-1], 1), bool), np.repeat(allowed, 2, axis=-1)], axis=-1)


def decode_arguments(logits: NDArray[Any], tags: NDArray[Any], lengths: Sequence[int]) -> list[list[RoleSpan]]:
    """The best role sequence of each event under the BIO rule (Viterbi), forbidden roles excluded.

    Args:
        logits: Shape: (E, W, 2R+1).
        tags: admitted tags of each event; Shape: (E, 2R+1).
        lengths: words of each event's window (the rest of W is padding).

    Returns:
        For each event its spans in order; the score of a span is its share of the weight of all role sequences, which is
        what `losses.sequence` trains: the probability that just these words fill the role.
    """
    events, width, _ = logits.shape
    found: list[list[RoleSpan]] = [[] for _ in range(events)]
    if events == 0 or width == 0:
        return found
    begins = _begin_tags(tags)
    begin, inside = _by_word(logits, begins), _by_word(logits, begins + (begins > 0))
    best, begun = _search(begin.copy(), inside.copy())
    paths = zip(best.T.tolist(), begins.tolist(), lengths, strict=True)
    spans = [(e, *span) for e, (path, own, length) in enumerate(paths) for span in _traced(path, begun[..., e], own, length)]
    if spans:
        for (event, first, last, span), score in zip(spans, _scores(begin, inside, begins, lengths, spans), strict=True):
            found[event].append(RoleSpan(first, last, int(begins[event, span]) // 2, score))
    return found


def _begin_tags(tags: NDArray[Any]) -> NDArray[Any]:
    """O and the admitted B tags of each event, in order. Shape: (E, 2R+1) -> (E, S), S - 1 the most that one event admits.

    Where an event admits fewer, O stands there again, before them: no sequence is better for it.
    """
    numbers = np.arange(tags.shape[1])
    begins = np.sort(np.where(tags & (numbers % 2 == 1), numbers, 0), axis=1)
    return begins[:, -1 - np.count_nonzero(begins, axis=1).max() :]


def _by_word(logits: NDArray[Any], tags: NDArray[Any]) -> NDArray[Any]:
    """Logits of some tags of each event, word after word. Shape: (E, W, 2R+1) and (E, S) -> (W, S, E)."""
    taken = logits.transpose(0, 2, 1)[np.arange(len(logits))[:, None], tags]
    return np.ascontiguousarray(taken.transpose(2, 1, 0), np.float64)


def _search(begin: NDArray[Any], inside: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Forwards through the words: which of S spans is best open at each word, and which of them best begin there.

    Anything may begin after anything; what is open may go on. O is a span too, of any length. Both arrays are written over
    with what a sequence is worth up to each word: one whose last span begins there, and the better of that and of going on.

    Shape: begin and inside (W, S, E); best (W, E) of int, begun (W, S, E) of bool.
    """
    before = inside[0] = begin[0]
    for new, on in zip(begin[1:], inside[1:], strict=True):
        new += np.maximum.reduce(before)
        on += before
        np.maximum(new, on, out=on)
        before = on
    return inside.argmax(1), inside == begin


def _traced(best: list[int], begun: NDArray[Any], begins: list[int], length: int) -> list[tuple[int, int, int]]:
    """Back through the words of one event: its spans in order, each with its place among `begins`.

    Shape: best (W,), begun (W, S), begins (S,).
    """
    spans, last = [], length
    while last:
        first, span = last - 1, best[last - 1]
        if begins[span]:
            while not begun[first, span]:
                first -= 1
            spans.append((first, last, span))
        last = first
    return spans[::-1]


def _scores(
    begin: NDArray[Any], inside: NDArray[Any], begins: NDArray[Any], lengths: Sequence[int], spans: Sequence[tuple[int, int, int, int]]
) -> list[float]:
    """The probability of each span (event, first, last, place among begins): forward-backward, scaled word by word.

    Rabiner: A tutorial on hidden Markov models. Proceedings of the IEEE 77(2), 1989, section V.A.

    Shape: begin and inside (W, S, E), begins (E, S).
    """
    padding = np.arange(len(begin))[:, None, None] >= np.asarray(lengths)
    outside = (begins == 0).T
    outside[:-1] &= ~outside[1:]  # of the O that stand there several times, one counts
    peak = np.maximum(begin.max(1), inside.max(1))[:, None]
    start = np.where(padding, outside, np.exp(begin - peak) * (outside | (begins > 0).T))
    go_on = np.where(padding, 0.0, np.exp(inside - peak) * (begins > 0).T)
    scale = np.empty((len(begin), begin.shape[2]))
    reached = np.zeros(begin.shape[1:])
    for word, (new, on) in enumerate(zip(start, go_on, strict=True)):
        reached = new + on * reached
        scale[word] = reached.sum(0)
        reached /= scale[word]
    start /= scale[:, None]
    go_on /= scale[:, None]
    after = np.ones((len(begin) + 1, begin.shape[2]))  # weight of the words from here on, if something begins here
    rest = np.ones(begin.shape[1:])
    for word in range(len(begin) - 1, -1, -1):
        after[word] = (start[word] * rest).sum(0)
        rest = after[word] + go_on[word] * rest
    return [
        float(min(1.0, start[first, span, event] * go_on[first + 1 : last, span, event].prod() * after[last, event]))
        for event, first, last, span in spans
    ]


def decode_attributes(logits: NDArray[Any], sizes: Sequence[int]) -> NDArray[Any]:
    """The value of each attribute of each event: 0 is the default, i the i-th other value.

    Shape of logits: (E, sum of sizes minus one each); returns (E, attributes) of int.
    """
    columns, at = [], 0
    for size in sizes:
        part = logits[:, at : at + size - 1]
        at += size - 1
        padded = np.concatenate([np.zeros((len(part), 1)), part], 1)  # the default wins unless another is likelier
        columns.append(padded.argmax(1))
    return np.stack(columns, 1).astype(int)
