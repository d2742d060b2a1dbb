"""The decoder on arrays written by hand, and its Viterbi search against all tag sequences."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ahdath.decoding import (
    Trigger,
    allowed_tags,
    decode_arguments,
    decode_attributes,
    decode_triggers,
    sigmoid,
)

NONE = np.zeros(3)


def test_a_trigger_is_a_word_and_a_type_above_the_threshold() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.5], [0.4, 0.49]])
    assert decode_triggers(scores, NONE, 0.5) == [Trigger(0, 1, 0, 0.9), Trigger(1, 2, 1, 0.5)]


def test_one_word_can_start_two_triggers() -> None:
    scores = np.array([[0.1, 0.1], [0.8, 0.7], [0.1, 0.1]])
    assert decode_triggers(scores, NONE, 0.5) == [Trigger(1, 2, 0, 0.8), Trigger(1, 2, 1, 0.7)]


def test_a_trigger_goes_on_while_words_continue_it() -> None:
    scores = np.array([[0.9, 0.1], [0.1, 0.1], [0.1, 0.1]])
    assert decode_triggers(scores, np.array([0.9, 0.6, 0.6]), 0.5) == [Trigger(0, 3, 0, 0.9)]
    assert decode_triggers(scores, np.array([0.9, 0.4, 0.6]), 0.5) == [Trigger(0, 1, 0, 0.9)]


def test_a_continuing_word_is_no_start_of_the_same_type_but_may_be_of_another() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.7], [0.1, 0.1]])
    found = decode_triggers(scores, np.array([0.0, 0.9, 0.0]), 0.5)
    assert found == [Trigger(0, 2, 0, 0.9), Trigger(1, 2, 1, 0.7)]


def test_the_threshold_counts_itself() -> None:
    scores = np.array([[0.4, 0.4], [0.5, 0.6], [0.0, 0.49]])
    assert decode_triggers(scores, NONE, 0.5) == [Trigger(1, 2, 0, 0.5), Trigger(1, 2, 1, 0.6)]


def test_only_owned_words_start_triggers_but_others_may_continue_them() -> None:
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    assert decode_triggers(scores, NONE, 0.5, np.array([False, True, False])) == [Trigger(1, 2, 0, 0.9)]
    scores = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.1]])
    owned = np.array([True, True, False])
    assert decode_triggers(scores, np.array([0, 0, 0.9]), 0.5, owned) == [Trigger(1, 3, 0, 0.9)]


def test_no_words_no_triggers() -> None:
    assert decode_triggers(np.zeros((0, 2)), np.zeros(0), 0.5) == []


def test_the_scores_given_stay_as_they_are() -> None:
    scores, goes_on = np.array([[0.9], [0.9]]), np.array([0.0, 0.9])
    decode_triggers(scores, goes_on, 0.5, np.array([True, False]))
    np.testing.assert_array_equal(scores, [[0.9], [0.9]])


# ---------------------------------------------------------------------- arguments


def test_a_role_admits_its_two_tags_and_outside_is_always_admitted() -> None:
    allowed = np.array([[True, False], [False, False]])
    assert allowed_tags(allowed).tolist() == [[True, True, True, False, False], [True, False, False, False, False]]
    assert allowed_tags(np.zeros((3, 0), bool)).tolist() == [[True]] * 3


def tagged(*rows: int, tags: int = 5, high: float = 4.0) -> NDArray[Any]:
    """Logits that prefer these tags. Shape: (1, words, tags)."""
    return (high * np.eye(tags)[list(rows)])[None]


EVERY = np.ones((1, 5), bool)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([0, 1, 2, 0, 3], [(1, 3, 0), (4, 5, 1)]),  # O B0 I0 O B1
        ([1, 1, 2], [(0, 1, 0), (1, 3, 0)]),  # two of the same role side by side
        ([3, 4, 4], [(0, 3, 1)]),
        ([0, 0, 0], []),
    ],
)
def test_tags_are_read_as_spans(tags: list[int], expected: list[tuple[int, int, int]]) -> None:
    (found,) = decode_arguments(tagged(*tags), EVERY, [len(tags)])
    assert [(s.first, s.last, s.role) for s in found] == expected
    assert all(s.score > 0.8 for s in found)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 9999))
def test_the_score_of_a_span_is_its_share_of_all_sequences(words: int, roles: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(1, words + 1, 2 * roles + 1))  # a word of padding
    allowed = allowed_tags(rng.random((1, roles)) < 0.7)
    (found,) = decode_arguments(logits, allowed, [words])
    total, share = 0.0, dict.fromkeys(((one.first, one.last, one.role) for one in found), 0.0)
    for tags in product(np.flatnonzero(allowed[0]).tolist(), repeat=words):
        if all(tag == 0 or tag % 2 or before in (tag, tag - 1) for before, tag in zip((0, *tags), tags, strict=False)):
            weight = float(np.exp(logits[0, range(words), list(tags)].sum()))
            total += weight
            for first, last, role in share:
                inside = tags[first] == 2 * role + 1 and set(tags[first + 1 : last]) <= {2 * role + 2}
                share[first, last, role] += weight * (inside and (last == words or tags[last] != 2 * role + 2))
    assert [one.score for one in found] == pytest.approx([weight / total for weight in share.values()], abs=1e-9)


def test_a_span_that_begins_inside_is_repaired_or_dropped() -> None:
    (found,) = decode_arguments(tagged(0, 2, 2), EVERY, [3])
    assert [(s.first, s.last, s.role) for s in found] == [(1, 3, 0)]
    (found,) = decode_arguments(tagged(2, 0, 0), EVERY, [3])
    assert found == []


def test_forbidden_roles_are_never_found_and_cost_others_nothing() -> None:
    only_second = allowed_tags(np.array([[False, True]]))
    logits = tagged(1, 2, 3)
    (found,) = decode_arguments(logits, only_second, [3])
    assert [(s.first, s.last, s.role) for s in found] == [(2, 3, 1)]
    odds = np.exp(4) / (np.exp(4) + 2)  # of the right tag at a word; before the span nothing can begin that goes on into it
    assert found[0].score == pytest.approx(odds, abs=0.01)
    logits = np.full((1, 2, 5), -500.0)
    logits[..., 1:3] = 500  # even where all that is admitted is hopeless
    assert decode_arguments(logits, only_second, [2]) == [[]]


def test_padding_is_not_read() -> None:
    logits = np.concatenate([tagged(0, 1, 2, 2), tagged(1, 2, 2, 2)])
    tags = np.concatenate([EVERY, EVERY])
    found = decode_arguments(logits, tags, [2, 4])
    assert [[(s.first, s.last) for s in spans] for spans in found] == [[(1, 2)], [(0, 4)]]
    logits[0, 2:] = 99 * np.eye(5)[3]
    assert decode_arguments(logits, tags, [2, 4]) == found


def test_events_that_admit_different_roles_are_searched_together() -> None:
    """None, one and both roles: what stands in for the roles that one event has fewer than another is never found."""
    tags = allowed_tags(np.array([[False, False], [False, True], [True, True]]))
    logits = np.repeat(tagged(1, 2, 3, 4), 3, 0)
    found = decode_arguments(logits, tags, [4, 4, 3])
    assert [[(s.first, s.last, s.role) for s in spans] for spans in found] == [[], [(2, 4, 1)], [(0, 2, 0), (2, 3, 1)]]
    assert decode_arguments(np.zeros((2, 3, 1)), np.ones((2, 1), bool), [3, 2]) == [[], []]


def test_what_is_equally_good_is_no_span() -> None:
    assert decode_arguments(np.zeros((1, 3, 5)), EVERY, [3]) == [[]]


def test_no_events_and_no_words() -> None:
    assert decode_arguments(np.zeros((0, 4, 5)), np.zeros((0, 5), bool), []) == []
    assert decode_arguments(np.zeros((2, 0, 5)), np.ones((2, 5), bool), [0, 0]) == [[], []]


def follows(tag: int, before: int) -> bool:
    """The BIO rule: inside a role comes only after its beginning or inside."""
    return tag == 0 or tag % 2 == 1 or before in (tag - 1, tag)


def best_by_trying_all(logs: NDArray[Any]) -> float:
    words, tags = logs.shape
    return max(
        sum(logs[word, tag] for word, tag in enumerate(path))
        for path in product(range(tags), repeat=words)
        if all(follows(tag, before) for before, tag in zip((0, *path), path, strict=False))
    )


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.tuples(st.booleans(), st.booleans()))
def test_viterbi_finds_the_best_of_all_sequences(seed: int, words: int, roles: tuple[bool, bool]) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (1, words, 5))
    tags = allowed_tags(np.array([roles]))
    (found,) = decode_arguments(logits, tags, [words])
    path = np.zeros(words, int)
    for span in found:
        path[span.first], path[span.first + 1 : span.last] = 2 * span.role + 1, 2 * span.role + 2
    masked = np.where(tags[0], logits[0], -np.inf)
    logs = masked - np.log(np.exp(masked).sum(1, keepdims=True))
    assert logs[np.arange(words), path].sum() == pytest.approx(best_by_trying_all(logs))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_events_are_decoded_alike_alone_and_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, lengths = rng.normal(0, 2, (3, 6, 7)), [6, 1, 4]
    tags = allowed_tags(rng.random((3, 3)) < 0.7)
    together = decode_arguments(logits, tags, lengths)
    alone = [decode_arguments(logits[i : i + 1, :n], tags[i : i + 1], [n])[0] for i, n in enumerate(lengths)]
    assert together == alone


# ---------------------------------------------------------------------- attributes and sigmoid


def test_an_attribute_is_its_default_unless_another_value_is_likelier_than_not() -> None:
    logits = np.array([[-1.0, -2.0, 3.0], [0.5, 2.0, -0.1], [0.0, -1.0, 0.0], [1.0, 0.5, 0.1]])
    assert decode_attributes(logits, [3, 2]).tolist() == [[0, 1], [2, 0], [0, 0], [1, 1]]
    assert decode_attributes(np.zeros((0, 3)), [3, 2]).shape == (0, 2)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        values = sigmoid(np.array([-1e4, -1.0, 0.0, 1.0, 1e4]))
    np.testing.assert_allclose(values, [0, 0.26894142, 0.5, 0.73105858, 1])
