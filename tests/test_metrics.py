"""Scores computed by hand on small documents, and what must hold for any documents."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdath.calibration import reliability
from ahdath.counting import align, overlap_matches
from ahdath.errors import ConfigError, DataError
from ahdath.metrics import MEASURES, compare, score
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Sentence, Span
from ahdath.scores import Score
from ahdath.significance import f1_of, percentile_interval, resample, two_sided_p

TEXT = "قصفت القوات السورية مناطق في مدينة تلبيسة. ودعا الوزير إلى اغتيال القائد غدا."
ATTACK, DIE, REQUEST = "Conflict.Attack", "Life.Die", "Diplomacy.Request"
Args = Sequence[tuple[str, str] | tuple[str, str, float]]


def span(words: str, text: str = TEXT) -> Span:
    start = text.index(words)
    return Span(start, start + len(words), words)


def event(
    type: str,
    trigger: str,
    args: Args = (),
    *,
    text: str = TEXT,
    modality: str = "asserted",
    polarity: str = "positive",
    score: float = 1.0,
) -> Event:
    arguments = tuple(Argument(role, span(words, text), *rest) for role, words, *rest in args)
    return Event(type, span(trigger, text), arguments, modality=modality, polarity=polarity, score=score)


def document(*events: Event, id: str = "", text: str = TEXT, sentences: Sequence[Sentence] = ()) -> Document:
    return Document(text, events=events, sentences=tuple(sentences), id=id)


def counts(scores: Score) -> tuple[int, int, int]:
    return scores.gold, scores.predicted, scores.correct


GOLD = document(
    event(ATTACK, "قصفت", [("Agent", "القوات السورية"), ("Target", "مناطق"), ("Place", "مدينة تلبيسة")]),
    event(REQUEST, "ودعا", [("Agent", "الوزير"), ("Topic", "اغتيال القائد")]),
    event(ATTACK, "اغتيال", [("Target", "القائد"), ("Time", "غدا")], modality="other"),
    event(DIE, "اغتيال", [("Victim", "القائد"), ("Time", "غدا")], modality="other"),
)
PREDICTED = document(
    event(ATTACK, "قصفت", [("Agent", "القوات"), ("Target", "مناطق"), ("Target", "مدينة تلبيسة")]),
    event(ATTACK, "قصفت", [("Target", "مناطق")], modality="other"),  # the same event again
    event(ATTACK, "مناطق", [("Place", "مدينة تلبيسة")]),  # no event
    event(ATTACK, "اغتيال", [("Target", "القائد"), ("Time", "القائد غدا")], modality="other"),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TI", (3, 3, 2)),  # gold قصفت ودعا اغتيال; predicted قصفت مناطق اغتيال
        ("TC", (4, 3, 2)),  # اغتيال is two gold events
        ("AI", (9, 5, 3)),  # Attack: مناطق, القائد, and تلبيسة under whatever role and trigger
        ("AC", (9, 6, 3)),  # Target مناطق, Target القائد, Place تلبيسة (attached to a wrong trigger)
        ("AI+", (9, 6, 3)),  # on قصفت: مناطق, تلبيسة; on اغتيال: القائد
        ("AC+", (9, 6, 2)),  # Target مناطق, Target القائد
        ("AC overlap", (9, 6, 5)),  # and Agent القوات, Time القائد غدا
        ("AC+ overlap", (9, 6, 4)),
    ],
)
def test_micro_counts_by_hand(name: str, expected: tuple[int, int, int]) -> None:
    assert counts(score([GOLD], [PREDICTED], bootstrap=0).measures[name]) == expected


def test_ratios_of_a_score() -> None:
    one = Score(gold=4, predicted=3, correct=2)
    assert (one.precision, one.recall, one.f1) == (2 / 3, 2 / 4, 4 / 7)
    assert (Score(0, 0, 0).precision, Score(0, 0, 0).recall, Score(0, 0, 0).f1) == (0.0, 0.0, 0.0)


def test_types_and_roles_by_hand() -> None:
    scores = score([GOLD], [PREDICTED], bootstrap=0)
    assert {name: counts(one) for name, one in scores.types.items()} == {
        ATTACK: (2, 3, 2),
        DIE: (1, 0, 0),
        REQUEST: (1, 0, 0),
    }
    assert list(scores.types) == [ATTACK, DIE, REQUEST], "in the order of the ontology"
    assert {name: counts(one) for name, one in scores.roles.items()} == {
        "Agent": (2, 1, 0),
        "Target": (2, 3, 2),
        "Victim": (1, 0, 0),
        "Topic": (1, 0, 0),
        "Place": (1, 1, 0),
        "Time": (2, 1, 0),
    }


def test_confusion_accounts_for_every_miss_and_false_event() -> None:
    gold = document(event(DIE, "قصفت"), event(ATTACK, "ودعا"), event(ATTACK, "اغتيال"), event(DIE, "اغتيال"))
    predicted = document(event(ATTACK, "قصفت"), event(REQUEST, "مناطق"), event(ATTACK, "اغتيال"))
    scores = score([gold], [predicted], bootstrap=0)
    assert scores.confusion.types == {(DIE, ATTACK): 1}
    assert scores.confusion.missed == {ATTACK: 1, DIE: 1}
    assert scores.confusion.spurious == {REQUEST: 1}
    tc = scores.measures["TC"]
    assert tc.gold - tc.correct == 3, "one of another type, two missed"
    assert tc.predicted - tc.correct == 2, "one of another type, one spurious"
    assert scores.confusion.commonest(2) == [(None, REQUEST, 1), (ATTACK, None, 1)]


def test_commonest_confusion_comes_first() -> None:
    gold = [document(event(DIE, "قصفت"), id=str(i)) for i in range(3)]
    predicted = [document(event(ATTACK, "قصفت"), id=str(i)) for i in range(2)] + [document(id="2")]
    assert score(gold, predicted, bootstrap=0).confusion.commonest() == [(DIE, ATTACK, 2), (DIE, None, 1)]


def test_attributes_over_right_triggers_only() -> None:
    gold = [
        document(event(ATTACK, "قصفت"), event(REQUEST, "ودعا", polarity="negative"), id="a"),
        document(event(ATTACK, "اغتيال", modality="other"), event(DIE, "قصفت", modality="other"), id="b"),
    ]
    predicted = [
        document(event(ATTACK, "قصفت", modality="other"), event(REQUEST, "ودعا"), id="a"),
        document(event(ATTACK, "اغتيال", modality="other"), event(ATTACK, "قصفت"), id="b"),
    ]
    attributes = score(gold, predicted, bootstrap=0).attributes
    assert attributes["modality"].n == 3
    assert attributes["modality"].accuracy.value == pytest.approx(2 / 3)
    assert counts(attributes["modality"].values["other"]) == (1, 2, 1)
    assert attributes["polarity"].accuracy.value == pytest.approx(2 / 3)
    assert counts(attributes["polarity"].values["negative"]) == (1, 0, 0)
    assert "asserted" not in attributes["modality"].values


def test_attribute_values_come_from_the_ontology() -> None:
    ontology = Ontology.from_dict(
        {
            "version": 1,
            "roles": {"Who": {"definition": "who does it"}},
            "types": {"Strike": {"definition": "a strike", "roles": ["Who"]}},
            "attributes": {"modality": {"values": ["told", "planned", "feared"]}},
        }
    )
    gold = document(event("Strike", "قصفت", modality="planned"), event("Strike", "ودعا", modality="told"))
    scores = score([gold], [gold], ontology, bootstrap=0)
    assert {name: counts(one) for name, one in scores.attributes["modality"].values.items()} == {
        "planned": (1, 1, 1),
        "feared": (0, 0, 0),
    }


def cut(*types: Sequence[str]) -> list[Sentence]:
    end = TEXT.index(".") + 1
    bounds = [(0, end), (end + 1, len(TEXT))]
    return [Sentence(a, b, TEXT[a:b], tuple(t)) for (a, b), t in zip(bounds, types, strict=True)]


def test_sentence_types_micro_and_macro() -> None:
    gold = document(sentences=cut([ATTACK], [REQUEST, ATTACK, DIE]))
    predicted = document(sentences=cut([ATTACK, DIE], [ATTACK, DIE]))
    scores = score([gold], [predicted], bootstrap=0)
    assert counts(scores.measures["sentence types"]) == (4, 4, 3)
    # Attack 2/2 right, Die one of two predicted (F1 2/3), Request missed
    assert scores.macro["sentence types"].value == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert counts(scores.measures["paragraph types"]) == (3, 2, 2)
    assert scores.macro["paragraph types"].value == pytest.approx(2 / 3)


def test_sentences_of_one_side_are_labelled_by_its_triggers_on_the_other_sides_boundaries() -> None:
    gold = document(sentences=cut([ATTACK], [REQUEST]))
    predicted = document(event(ATTACK, "قصفت"), event(DIE, "اغتيال"))
    assert counts(score([gold], [predicted], bootstrap=0).measures["sentence types"]) == (2, 2, 1)
    assert counts(score([predicted], [gold], bootstrap=0).measures["sentence types"]) == (2, 2, 1)


def test_where_sentences_are_cut_otherwise_those_of_gold_count_and_triggers_give_the_types() -> None:
    gold = document(sentences=cut([ATTACK], [REQUEST]))
    whole = [Sentence(0, len(TEXT), TEXT, (ATTACK, REQUEST))]
    predicted = document(event(ATTACK, "قصفت"), event(DIE, "اغتيال"), sentences=whole)
    assert counts(score([gold], [predicted], bootstrap=0).measures["sentence types"]) == (2, 2, 1)
    assert counts(score([gold], [document(sentences=whole)], bootstrap=0).measures["sentence types"]) == (2, 0, 0)


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed -1: expected a whole number from 0"):
        score([GOLD], [PREDICTED], seed=-1)


def test_paragraph_probabilities_count_from_the_threshold() -> None:
    gold = document(event(ATTACK, "قصفت"), event(DIE, "اغتيال"))
    predicted = Document(TEXT, types={ATTACK: 0.7, DIE: 0.4, REQUEST: 0.1})
    at = [score([gold], [predicted], bootstrap=0, type_threshold=t) for t in (0.5, 0.4, 0.05)]
    assert [counts(s.measures["paragraph types"]) for s in at] == [(2, 1, 1), (2, 2, 2), (2, 3, 2)]


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([(0, 5)], [(4, 9)], 1),
        ([(0, 5)], [(5, 9)], 0),  # they touch
        ([(0, 5)], [(0, 2), (3, 5)], 1),  # one to one
        ([(0, 5), (6, 9)], [(0, 9)], 1),
        ([(0, 5), (3, 12)], [(4, 12), (0, 4)], 2),
        ([(0, 10)], [(0, 20), (0, 10)], 1),
        ([(0, 5), (0, 5)], [(0, 5), (0, 5)], 1),  # twice the same counts once
        ([], [(0, 3)], 0),
    ],
)
def test_overlap_matches(gold: list[tuple[int, int]], predicted: list[tuple[int, int]], expected: int) -> None:
    assert overlap_matches(gold, predicted) == expected


def test_overlap_keeps_roles_types_and_triggers_apart() -> None:
    gold = document(event(ATTACK, "قصفت", [("Agent", "القوات السورية")]))
    role = document(event(ATTACK, "قصفت", [("Target", "القوات")]))
    type_ = document(event(DIE, "قصفت", [("Agent", "القوات")]))
    trigger = document(event(ATTACK, "ودعا", [("Agent", "القوات")]))
    for other, ac, ac_plus in [(role, 0, 0), (type_, 0, 0), (trigger, 1, 0)]:
        measures = score([gold], [other], bootstrap=0).measures
        assert (measures["AC overlap"].correct, measures["AC+ overlap"].correct) == (ac, ac_plus)


def test_false_alarms_per_thousand_words_without_punctuation() -> None:
    quiet = "سجل الفريق 3 أهداف ، وفاز ."  # five words, two symbols between spaces
    gold = [document(text=quiet, id="q"), document(event(ATTACK, "قصفت"), id="e")]
    alarm = event(ATTACK, "أهداف", text=quiet)
    predicted = [document(alarm, alarm, text=quiet, id="q"), document(event(DIE, "ودعا"), id="e")]
    alarms = score(gold, predicted, bootstrap=0).false_alarms
    assert (alarms.paragraphs, alarms.words, alarms.events, alarms.per_1000_words) == (1, 5, 1, 200.0)


# ---------------------------------------------------------------------------- calibration


def test_reliability_by_hand() -> None:
    found = reliability([0.0, 0.04, 0.95, 0.97, 1.0, 0.5], [False, True, True, False, True, True])
    assert [(b.n, round(b.score, 4), round(b.accuracy, 4)) for b in found.bins] == [
        (2, 0.02, 0.5),
        (1, 0.5, 1.0),
        (3, 0.9733, 0.6667),
    ]
    assert (found.bins[0].low, found.bins[0].high) == (0.0, 1 / 15)
    assert found.ece == pytest.approx((2 * 0.48 + 1 * 0.5 + 3 * (0.97333333 - 2 / 3)) / 6)
    assert reliability([], []).ece is None


def test_a_score_on_an_edge_lies_in_the_lower_bin() -> None:
    assert [(b.low, b.high) for b in reliability([0.5], [True], bins=2).bins] == [(0.0, 0.5)]


def test_reliability_refuses_what_is_no_probability() -> None:
    for bad in (1.2, -0.1, float("nan")):
        with pytest.raises(DataError, match="no probability"):
            reliability([0.5, bad], [True, True])


def test_calibration_of_events_and_of_arguments_given_their_event() -> None:
    gold = document(event(ATTACK, "قصفت", [("Target", "مناطق")]))
    predicted = document(
        event(ATTACK, "قصفت", [("Target", "مناطق", 0.8), ("Agent", "القوات", 0.6)], score=0.9),
        event(DIE, "ودعا", [("Agent", "الوزير", 0.5)], score=0.3),
    )
    found = score([gold], [predicted], bootstrap=0).calibration
    assert (found["event"].n, found["argument"].n) == (2, 2)
    assert found["event"].ece == pytest.approx((0.1 + 0.3) / 2)
    assert found["argument"].ece == pytest.approx((0.2 + 0.6) / 2)


# ---------------------------------------------------------------------------- bootstrap


def mixed(n: int = 12) -> tuple[list[Document], list[Document]]:
    gold = [document(event(ATTACK, "قصفت"), event(DIE, "اغتيال"), id=str(i)) for i in range(n)]
    predicted = [document(*([event(ATTACK, "قصفت")] if i % 2 else [event(DIE, "قصفت")]), id=str(i)) for i in range(n)]
    return gold, predicted


def test_intervals_are_the_same_for_a_seed_and_other_for_another() -> None:
    gold, predicted = mixed()
    one, again, other = (score(gold, predicted, bootstrap=200, seed=s) for s in (3, 3, 4))
    assert one.to_dict() == again.to_dict()
    assert one.measures["TC"].interval != other.measures["TC"].interval
    low, high = one.measures["TC"].interval or (0.0, 0.0)
    assert 0.0 < low < one.measures["TC"].f1 < high < 0.7


def test_interval_of_paragraphs_that_are_all_alike_is_a_point() -> None:
    gold = [document(event(ATTACK, "قصفت"), event(DIE, "اغتيال"), id=str(i)) for i in range(5)]
    predicted = [document(event(ATTACK, "قصفت"), id=str(i)) for i in range(5)]
    scores = score(gold, predicted, bootstrap=50)
    assert scores.measures["TC"].interval == pytest.approx((2 / 3, 2 / 3))
    assert scores.macro["paragraph types"].interval == (0.5, 0.5)
    assert scores.attributes["modality"].accuracy.interval == (1.0, 1.0)
    assert scores.measures["AC+"].interval is None, "no arguments anywhere"


def test_interval_of_two_paragraphs_one_right_one_wrong() -> None:
    # a sample holds the right paragraph 0, 1 or 2 times with chances 1/4, 1/2, 1/4: F1 is 0, 1/2 or 1
    gold = [document(event(ATTACK, "قصفت"), id=i) for i in "ab"]
    predicted = [gold[0], document(event(DIE, "ودعا"), id="b")]
    assert score(gold, predicted).measures["TC"].interval == (0.0, 1.0)


def test_resample_shapes_and_sums() -> None:
    paragraphs = np.arange(4 * 2 * 3).reshape(4, 2, 3)
    drawn = resample(paragraphs, 7, seed=0)
    assert drawn.shape == (7, 2, 3)
    ones = resample(np.ones((5, 1, 3), dtype=np.int64), 9, seed=1)
    assert (ones == 5.0).all(), "as many paragraphs are drawn as there are"


def test_resample_in_blocks_is_resample_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paragraphs = np.arange(6 * 3).reshape(6, 1, 3)
    whole = resample(paragraphs, 20, seed=5)
    monkeypatch.setattr("ahdath.significance._BLOCK", 18)
    assert (resample(paragraphs, 20, seed=5) == whole).all()


def test_f1_of_nothing_is_undefined_and_left_out_of_intervals() -> None:
    values = f1_of(np.array([[0, 0, 0], [1, 1, 1], [2, 0, 0]]))
    assert np.isnan(values[0])
    assert values[1:].tolist() == [1.0, 0.0]
    assert percentile_interval(values) == pytest.approx((0.025, 0.975))
    assert percentile_interval(values[:1]) is None


# ---------------------------------------------------------------------------- two systems


def test_a_system_does_not_differ_from_itself() -> None:
    gold, predicted = mixed()
    for name, one in compare(gold, predicted, predicted, bootstrap=100).items():
        assert (one.difference, one.interval, one.p) == (0.0, (0.0, 0.0), 1.0), name


def test_a_perfect_system_beats_an_empty_one() -> None:
    gold, _ = mixed()
    empty = [document(id=str(i)) for i in range(len(gold))]
    found = compare(gold, gold, empty, bootstrap=99)
    assert set(found) == {*MEASURES, "sentence types macro", "paragraph types macro"}
    tc = found["TC"]
    assert (tc.a, tc.b, tc.difference, tc.interval) == (1.0, 0.0, 1.0, (1.0, 1.0))
    assert tc.p == pytest.approx(2 / 100)
    reverse = compare(gold, empty, gold, bootstrap=99)["TC"]
    assert (reverse.difference, reverse.p) == (-1.0, tc.p)
    assert found["AC+"].difference == 0.0, "nothing to find on either side"


def test_two_sided_p_counts_the_rarer_side() -> None:
    assert two_sided_p(np.array([0.1] * 8 + [-0.1])) == pytest.approx(2 * 2 / 10)
    assert two_sided_p(np.array([0.1, -0.1])) == 1.0


def test_compare_needs_samples() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        compare([GOLD], [GOLD], [GOLD], bootstrap=0)
    with pytest.raises(ConfigError, match="bootstrap is -1"):
        score([GOLD], [GOLD], bootstrap=-1)


# ---------------------------------------------------------------------------- pairing documents


def test_documents_pair_by_id_in_any_order() -> None:
    gold = [document(event(ATTACK, "قصفت"), id="a"), document(text="نص آخر", id="b")]
    assert [p.id for _, p in align(gold, [gold[1], gold[0]])] == ["a", "b"]


def test_documents_without_matching_ids_pair_by_order() -> None:
    gold = [document(id="a"), document(text="نص آخر", id="b")]
    for predicted in (
        [document(), document(text="نص آخر")],
        [document(id="x"), document(text="نص آخر", id="x")],
    ):
        assert [p.text for _, p in align(gold, predicted)] == [g.text for g in gold]


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([], [], "no gold documents"),
        ([GOLD], [], "1 gold documents but 0 predicted"),
        (
            [document(id="a"), document(id="b")],
            [document(id="a")],
            "2 gold documents but 1 predicted.* 'b'",
        ),
        ([document(id="a")], [document(text="قصفت الطائرات", id="a")], r"document 1 \(id 'a'.*character 7"),
        ([document()], [document(text=TEXT[:-1])], r"document 1 .*character 76: gold '\.', predicted ''"),
        ([GOLD], [GOLD.to_dict()], "entry 1 of predicted is a dict"),
    ],
)
def test_documents_that_do_not_pair_up_are_refused(
    gold: list[Document], predicted: list[Document], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        score(gold, predicted)


def test_a_given_ontology_checks_both_sides() -> None:
    odd = document(Event("Sport.Match", span("قصفت")))
    assert counts(score([odd], [odd], bootstrap=0).types["Sport.Match"]) == (1, 1, 1)
    with pytest.raises(DataError, match=r"Sport\.Match"):
        score([document()], [odd], Ontology.default())


# ---------------------------------------------------------------------------- what always holds


@st.composite
def annotated(draw: st.DrawFn) -> Document:
    words = TEXT.replace(".", "").split()
    events = [
        event(
            draw(st.sampled_from([ATTACK, DIE, REQUEST])),
            draw(st.sampled_from(words)),
            draw(st.lists(st.tuples(st.sampled_from(["Agent", "Time"]), st.sampled_from(words)), max_size=3)),
            modality=draw(st.sampled_from(["asserted", "other"])),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return document(*events)


@settings(max_examples=60, deadline=None)
@given(st.lists(annotated(), min_size=1, max_size=4))
def test_gold_against_itself_is_perfect(documents: list[Document]) -> None:
    scores = score(documents, documents, bootstrap=0)
    for name, one in scores.measures.items():
        assert one.gold == one.predicted == one.correct, name
    if any(d.events for d in documents):
        assert scores.measures["TI"].f1 == scores.measures["TC"].f1 == 1.0
        assert scores.macro["paragraph types"].value == 1.0
    assert scores.confusion.commonest() == []
    assert scores.false_alarms.events == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(annotated(), annotated()), min_size=1, max_size=4), st.integers(0, 100))
def test_order_of_documents_and_events_does_not_matter(pairs: list[tuple[Document, Document]], seed: int) -> None:
    shuffle = random.Random(seed)
    gold, predicted = (list(sides) for sides in zip(*pairs, strict=True))
    before = score(gold, predicted, bootstrap=0)
    shuffle.shuffle(pairs)
    turned = [(document(*reversed(g.events)), document(*reversed(p.events))) for g, p in pairs]
    after = score([g for g, _ in turned], [p for _, p in turned], bootstrap=0)
    assert {n: counts(s) for n, s in before.measures.items()} == {n: counts(s) for n, s in after.measures.items()}


@settings(max_examples=60, deadline=None)
@given(annotated(), annotated())
def test_stricter_measures_never_score_higher(gold: Document, predicted: Document) -> None:
    m = score([gold], [predicted], bootstrap=0).measures
    assert m["AC"].correct <= m["AC overlap"].correct <= m["AC"].gold
    assert m["AC+"].correct <= m["AC+ overlap"].correct <= m["AC+"].predicted
    swapped = score([predicted], [gold], bootstrap=0).measures
    for name, one in m.items():
        assert swapped[name].f1 == one.f1, "F1 is symmetric"


def test_everything_is_json() -> None:
    found = score([GOLD], [PREDICTED], bootstrap=20).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["measures"]["TC"]["f1"] == pytest.approx(4 / 7)
    assert set(found) >= {"paragraphs", "bootstrap", "seed", "types", "roles", "confusion", "calibration"}


def test_flat_numbers() -> None:
    flat = score([GOLD], [PREDICTED], bootstrap=0).flat()
    assert flat["TC precision"] == pytest.approx(2 / 3)
    assert flat["AC+ overlap f1"] == pytest.approx(8 / 15)
    assert flat["modality accuracy"] == 1.0
    assert {"sentence types macro f1", "modality other f1", "event ece", "argument ece"} <= set(flat)
    assert all(type(value) is float for value in flat.values())
