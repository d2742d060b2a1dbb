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
    return np.asarray(np.where(logits >= 0, np.ones_like(small), small) / (1 + small))


def decode_triggers(
    scores: NDArray[Any], continuation: NDArray[Any], thresholds: float | NDArray[Any], keep: NDArray[Any] | None = None
) -> list[Trigger]:
    """Triggers of one window, in order of word and type.

    Args:
        scores: probability that a trigger of each type starts at each word; Shape: (W, T).
        continuation: probability that a word continues the trigger before it; Shape: (W,).
        thresholds: lowest probability that counts, one or one a type.
        keep: words that may start a trigger; Shape: (W,).
    """
    starts = scores >= thresholds
    if keep is not None:
        starts = starts & keep[:, None]
    goes_on = continuation > 0.5
    # The second word of وقف إطلاق النار is no start of its own, unless it is one of another type.
    starts[1:] &= ~(goes_on[1:, None] & starts[:-1])
    found = []
    for word, kind in zip(*np.nonzero(starts), strict=True):
        last = int(word) + 1
        while last < len(goes_on) and goes_on[last] and not starts[last, kind]:
            last += 1
        found.append(Trigger(int(word), last, int(kind), float(scores[word, kind])))
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
        For each event its spans in order; the score of a span is the lowest probability of its words.
    """
    events, width, count = logits.shape
    if events == 0 or width == 0:
        return [[] for _ in range(events)]
    masked = np.where(tags[:, None], logits.astype(np.float64), -1e9)
    masked -= masked.max(-1, keepdims=True)
    chances = np.exp(masked)
    chances /= chances.sum(-1, keepdims=True)
    logs = np.log(np.maximum(chances, 1e-30))
    inner = np.arange(2, count, 2)  # I tags; the B tag of each stands just before it
    best = logs[:, 0].copy()
    best[:, inner] = -1e9
    back = np.zeros((events, width, count), np.int32)
    rows = np.arange(events)[:, None]
    done = np.asarray(lengths)[:, None]
    for word in range(1, width):
        top = best.argmax(1)
        came = np.repeat(top[:, None], count, 1)
        score = np.repeat(best[np.arange(events), top][:, None], count, 1)
        from_begin, from_inside = best[:, inner - 1], best[:, inner]
        came[:, inner] = np.where(from_begin >= from_inside, inner - 1, inner)
        score[:, inner] = np.maximum(from_begin, from_inside)
        live = word < done
        best = np.where(live, score + logs[:, word], best)
        back[:, word] = np.where(live, came, np.arange(count)[None])
    state = best.argmax(1)
    path = np.zeros((events, width), np.int32)
    for word in range(width - 1, -1, -1):
        path[:, word] = state
        state = back[rows[:, 0], word, state]
    return [_spans(path[e, : lengths[e]], chances[e]) for e in range(events)]


def _spans(path: NDArray[Any], chances: NDArray[Any]) -> list[RoleSpan]:
    found: list[RoleSpan] = []
    word, end = 0, len(path)
    while word < end:
        tag = int(path[word])
        last = word + 1
        if tag % 2 == 1:
            while last < end and path[last] == tag + 1:
                last += 1
            score = float(min(chances[w, path[w]] for w in range(word, last)))
            found.append(RoleSpan(word, last, (tag - 1) // 2, score))
        word = last
    return found


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
