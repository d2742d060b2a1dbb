from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ahdath.errors import AhdathError, DataError, OntologyError
from ahdath.ontology import Ontology
from ahdath.schema import SCHEMA_VERSION, Argument, Document, Event, Sentence, Span

TEXT = "قصفت القوات السورية مناطق في مدينة تلبيسة."
ONTOLOGY = Ontology.default()


def span(word: str, text: str = TEXT) -> Span:
    start = text.index(word)
    return Span.of(text, start, start + len(word))


def event(type: str, trigger: str, *arguments: tuple[str, str], text: str = TEXT, **rest: Any) -> Event:
    return Event(type, span(trigger, text), tuple(Argument(r, span(s, text)) for r, s in arguments), **rest)


def attack(**rest: Any) -> Event:
    return event("Conflict.Attack", "قصفت", ("Agent", "القوات السورية"), ("Place", "مدينة تلبيسة"), **rest)


# ---------------------------------------------------------------------- values


def test_spans_are_exact_and_frozen() -> None:
    found = span("القوات")
    assert (found.start, found.end, found.text) == (5, 11, "القوات")
    assert found.to_dict() == {"text": "القوات", "start": 5, "end": 11}
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.start = 3  # type: ignore[misc]


def test_numpy_numbers_become_plain_ones() -> None:
    found = Span(np.int64(0), np.int32(2), "قص")
    assert type(found.start) is int
    assert type(found.end) is int
    score = Argument("Agent", found, np.float32(0.5)).score
    assert type(score) is float
    assert score == 0.5


def test_what_needs_no_conversion_is_checked_as_well() -> None:
    class Name(str):
        __slots__ = ()

    assert Span(0, 2, Name("قص")) == Span(0, 2, "قص")
    assert Sentence(0, 2, "قص", scores={"X": 0.25, "Y": np.float64(1)}).scores == {"X": 0.25, "Y": 1.0}
    given = {"X": 0.25}
    sentence = Sentence(0, 2, "قص", scores=given)
    given["X"] = 9.0
    assert sentence.scores == {"X": 0.25}
    with pytest.raises(DataError, match=r"Sentence\.scores: key: expected str, found int: 1"):
        Sentence(0, 2, "قص", scores={1: 0.5})  # type: ignore[dict-item]


def test_a_rounding_error_of_a_probability_is_clipped() -> None:
    assert Argument("Agent", span("القوات"), 1 + 1e-7).score == 1.0
    assert Argument("Agent", span("القوات"), -1e-7).score == 0.0


def test_lists_become_tuples_and_mappings_are_copied() -> None:
    meta = {"batch": "x"}
    document = Document(TEXT, [attack()], [Sentence(0, len(TEXT), TEXT, ["Conflict.Attack"])], meta=meta)
    assert document.events == (attack(),)
    assert document.sentences[0].types == ("Conflict.Attack",)
    meta["batch"] = "y"
    assert document.meta == {"batch": "x"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Span(3, 3, ""), "0 <= start < end"),
        (lambda: Span(4, 3, "ab"), "0 <= start < end"),
        (lambda: Span(-1, 1, "ab"), "0 <= start < end"),
        (lambda: Span(0, 3, "ab"), "3 code points, found 2"),
        (lambda: Span("0", 2, "ab"), "Span.start: expected a whole number, found str: '0'"),
        (lambda: Span(0.0, 2, "ab"), "Span.start: expected a whole number, found float: 0.0"),
        (lambda: Span(False, 2, "ab"), "Span.start: expected a whole number, found bool: False"),
        (lambda: Span(0, 2, b"ab"), "Span.text: expected str, found bytes"),
        (lambda: Span.of("abc", 2, 9), "7 code points, found 1"),
        (lambda: Span.of(5, 0, 1), "text: expected str, found int: 5"),
        (lambda: Argument(5, span("في")), "Argument.role: expected str, found int: 5"),
        (lambda: Argument("", span("في")), "Argument.role: expected a name"),
        (lambda: Argument("Place", (0, 2)), "Argument.span: expected Span, found tuple: (0, 2)"),
        (
            lambda: Argument("Place", span("في"), "1"),
            "Argument.score: expected a number from 0 to 1, found str",
        ),
        (
            lambda: Argument("Place", span("في"), True),
            "Argument.score: expected a number from 0 to 1, found bool",
        ),
        (
            lambda: Argument("Place", span("في"), float("nan")),
            "Argument.score: expected a number from 0 to 1, found nan",
        ),
        (
            lambda: Argument("Place", span("في"), 1.1),
            "Argument.score: expected a number from 0 to 1, found 1.1",
        ),
        (lambda: Event(None, span("في")), "Event.type: expected str"),
        (lambda: Event("X", "في"), "Event.trigger: expected Span, found str: 'في'"),
        (
            lambda: Event("X", span("في"), Argument("A", span("في"))),
            "Event.arguments: expected a list or tuple of Argument",
        ),
        (
            lambda: Event("X", span("في"), [("A", span("في"))]),
            "Event.arguments[0]: expected Argument, found tuple",
        ),
        (lambda: Event("X", span("في"), modality=None), "Event.modality: expected str, found NoneType"),
        (
            lambda: Event("X", span("في"), ontology="mine"),
            "Event.ontology: expected Ontology, found str: 'mine'",
        ),
        (lambda: Sentence(0, 2, "abc"), "Sentence: expected a text of end - start = 2 code points, found 3"),
        (lambda: Sentence(0, 1, "a", "X"), "Sentence.types: expected a list or tuple of str, found str: 'X'"),
        (
            lambda: Sentence(0, 1, "a", scores={"X": 2}),
            "Sentence.scores['X']: expected a number from 0 to 1, found 2.0",
        ),
        (lambda: Document(5), "Document.text: expected str, found int: 5"),
        (lambda: Document(b"x"), "Document.text: expected str, found bytes"),
        (lambda: Document("a", id=5), "Document.id: expected str, found int: 5"),
        (
            lambda: Document("a", events="x"),
            "Document.events: expected a list or tuple of Event, found str: 'x'",
        ),
        (lambda: Document("a", events=[{}]), "Document.events[0]: expected Event, found dict: {}"),
        (lambda: Document("a", sentences=[(0, 1)]), "Document.sentences[0]: expected Sentence, found tuple"),
        (lambda: Document("a", meta=[1]), "Document.meta: expected a mapping, found list: [1]"),
        (lambda: Document("a", meta={1: 2}), "Document.meta: key: expected str, found int: 1"),
        (lambda: Document("a", model=5), "Document.model: expected str, found int: 5"),
        (lambda: Document("a", ontology=5), "Document.ontology: expected str, found int: 5"),
        (
            lambda: Document("a", types={"X": "1"}),
            "Document.types['X']: expected a number from 0 to 1, found str: '1'",
        ),
        (lambda: Document("a", types=["X"]), "Document.types: expected a mapping, found list: ['X']"),
    ],
)
def test_wrong_values_are_refused_in_clear_words(make: Any, said: str) -> None:
    with pytest.raises(DataError) as refused:
        make()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("events", "sentences", "said"),
    [
        (
            [Event("X", Span(1, 2, "a"))],
            [],
            "events[0].trigger (X): expected the text at 1:2, 'b', found 'a'",
        ),
        (
            [Event("X", Span(0, 1, "a"), [Argument("R", Span(2, 4, "cd"))])],
            [],
            "events[0].arguments[0] (X, R): expected",
        ),
        (
            [],
            [Sentence(0, 1, "a"), Sentence(1, 2, "c")],
            "sentences[1]: expected the text at 1:2, 'b', found 'c'",
        ),
    ],
)
def test_a_span_that_is_not_in_the_text_is_refused(events: Any, sentences: Any, said: str) -> None:
    with pytest.raises(DataError) as refused:
        Document("abc", events, sentences, id="d1")
    assert said in str(refused.value)
    assert "Document 'd1'" in str(refused.value)
    assert "code points" in str(refused.value)


def test_documents_can_be_copied_pickled_hashed_and_made_into_dicts() -> None:
    document = Document(
        TEXT, [attack(ontology=ONTOLOGY)], [Sentence(0, 4, "قصفت")], meta={"a": 1}, types={"X": 0.5}
    )
    assert pickle.loads(pickle.dumps(document)) == document
    assert copy.deepcopy(document) == document
    assert len({document, copy.deepcopy(document)}) == 1
    assert dataclasses.asdict(document)["events"][0]["trigger"]["text"] == "قصفت"


# ---------------------------------------------------------------------- crosswalks


def test_ace_renames_roles() -> None:
    assert attack().ace == {
        "type": "Conflict.Attack",
        "trigger": {"text": "قصفت", "start": 0, "end": 4},
        "arguments": [
            {"role": "Attacker", "text": "القوات السورية", "start": 5, "end": 19},
            {"role": "Place", "text": "مدينة تلبيسة", "start": 29, "end": 41},
        ],
    }


def test_ace_leaves_out_roles_without_counterpart() -> None:
    text = "اشترت مصر قمحا"
    found = event("Economy.Transact", "اشترت", ("Agent", "مصر"), ("Object", "قمحا"), text=text).ace
    assert found is not None
    assert [(a["role"], a["text"]) for a in found["arguments"]] == [("Artifact", "قمحا")]


def test_crosswalks_without_counterpart() -> None:
    found = event("Government.Legislate", "قصفت")
    assert (found.ace, found.plover, found.cameo) == (None, None, ())


def test_plover_and_cameo() -> None:
    assert attack().plover == {"event": "ASSAULT"}
    assert attack().cameo == ("18", "19")
    assert event("Conflict.Withdraw", "قصفت").plover == {"event": "RETREAT", "mode": "withdraw"}


def test_plover_respects_needs() -> None:
    text = "قتل الجيش مدنيين"
    assert event("Life.Die", "قتل", ("Victim", "مدنيين"), text=text).plover is None
    both = event("Life.Die", "قتل", ("Agent", "الجيش"), ("Victim", "مدنيين"), text=text)
    assert both.plover == {"event": "ASSAULT"}
    assert event("Movement.Travel", "قتل", ("Destination", "الجيش"), text=text).plover == {
        "event": "CONSULT",
        "mode": "visit",
    }


def test_crosswalks_of_ones_own_ontology() -> None:
    mine = Ontology.from_dict(
        {
            "version": 1,
            "roles": {"Who": {"definition": "who"}},
            "types": {"Raid": {"definition": "a raid", "roles": ["Who"], "ace": "A.B", "cameo": ["190"]}},
        }
    )
    found = event("Raid", "قصفت", ("Who", "القوات"), ontology=mine)
    assert found.cameo == ("190",)
    assert found.plover is None
    assert found.ace is not None
    assert found.ace["arguments"][0]["role"] == "Who"
    with pytest.raises(OntologyError, match="Unknown event type 'Raid'"):
        _ = event("Raid", "قصفت").cameo


# ---------------------------------------------------------------------- dicts


def test_to_dict_is_the_documented_layout() -> None:
    document = Document(
        TEXT, [attack(score=0.75)], [Sentence(0, len(TEXT), TEXT, ("Conflict.Attack",))], id="1"
    )
    assert document.to_dict() == {
        "schema": 1,
        "id": "1",
        "text": TEXT,
        "events": [
            {
                "type": "Conflict.Attack",
                "trigger": {"text": "قصفت", "start": 0, "end": 4},
                "modality": "asserted",
                "polarity": "positive",
                "score": 0.75,
                "arguments": [
                    {"role": "Agent", "text": "القوات السورية", "start": 5, "end": 19, "score": 1.0},
                    {"role": "Place", "text": "مدينة تلبيسة", "start": 29, "end": 41, "score": 1.0},
                ],
            }
        ],
        "sentences": [{"start": 0, "end": 42, "text": TEXT, "types": ["Conflict.Attack"]}],
        "types": None,
        "model": None,
        "ontology": None,
        "meta": {},
    }


def test_from_dict_accepts_rows_without_scores() -> None:
    row = {
        "id": "1",
        "text": TEXT,
        "events": [
            {"type": "Conflict.Attack", "trigger": {"text": "قصفت", "start": 0, "end": 4}, "arguments": []}
        ],
    }
    document = Document.from_dict(row, ONTOLOGY)
    assert document.events[0] == event("Conflict.Attack", "قصفت")
    assert document.events[0].ontology is ONTOLOGY


def test_from_dict_takes_defaults_from_the_ontology() -> None:
    mine = Ontology.from_dict(
        {
            "version": 1,
            "roles": {"Who": {"definition": "who"}},
            "types": {"Raid": {"definition": "a raid", "roles": ["Who"]}},
            "attributes": {"modality": {"values": ["real", "planned"]}},
        }
    )
    row = {"text": TEXT, "events": [{"type": "Raid", "trigger": {"text": "قصفت", "start": 0, "end": 4}}]}
    assert Document.from_dict(row, mine).events[0].modality == "real"
    assert Document.from_dict(row).events[0].modality == "asserted"


def wrong_event(**changes: Any) -> dict[str, Any]:
    body = {"type": "Conflict.Attack", "trigger": {"text": "قصفت", "start": 0, "end": 4}, **changes}
    return {"text": TEXT, "events": [{key: value for key, value in body.items() if value is not None}]}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "document: expected a mapping, found list: []"),
        ({}, "document.text: expected this key, found none"),
        ({"text": None}, "Document.text: expected str"),
        ({"text": "a", "start": 3}, "found 'start'; put keys of your own under `meta`"),
        ({"text": "a", "event": []}, "'event' (did you mean 'events'?)"),
        ({"text": "a", "schema": 2}, "document.schema: expected version 1, found 2"),
        ({"text": "a", "events": {}}, "document.events: expected a list"),
        ({"text": "a", "events": [5]}, "document.events[0]: expected dict, found int: 5"),
        ({"text": "a", "sentences": None}, "document.sentences: expected a list"),
        ({"text": "a", "sentences": [{"start": 0, "end": 1}]}, "sentences[0].text: expected this key"),
        (
            {"text": "a", "sentences": [{"start": 0, "end": 2, "text": "a"}]},
            "sentences[0]: Sentence: expected",
        ),
        ({"text": "a", "meta": None}, "Document.meta: expected a mapping"),
        (wrong_event(type=None), "events[0].type: expected this key"),
        (wrong_event(trigger="قصفت"), "events[0].trigger: expected a mapping, found str"),
        (wrong_event(trigger={"text": "قصفت", "start": 0}), "events[0].trigger.end: expected this key"),
        (
            wrong_event(trigger={"text": "قصفت", "start": 1, "end": 5}),
            "events[0].trigger (Conflict.Attack): expected",
        ),
        (wrong_event(polrity="x"), "'polrity' (did you mean 'polarity'?)"),
        (wrong_event(score="high"), "events[0]: Event.score: expected a number"),
        (wrong_event(arguments=[{"role": "Agent"}]), "events[0].arguments[0].text: expected this key"),
        (
            wrong_event(arguments=[{"role": "Agent", "text": "ab", "start": 0, "end": 1}]),
            "events[0].arguments[0]: Span",
        ),
        (
            wrong_event(arguments=[{"role": 5, "text": "ق", "start": 0, "end": 1}]),
            "events[0].arguments[0]: Argument.role",
        ),
    ],
)
def test_wrong_dicts_are_refused_with_the_place(data: Any, said: str) -> None:
    with pytest.raises(DataError) as refused:
        Document.from_dict(data)
    assert said in str(refused.value)


def test_check_tells_all_at_once() -> None:
    wrong = event("Conflict.Attack", "قصفت", ("Wepon", "القوات"), ("Agnt", "مناطق"), modality="maybe")
    unknown = event("Conflict.Atack", "مناطق")
    document = Document(TEXT, [wrong, unknown], [Sentence(0, 4, "قصفت", ("Y",))], id="d", types={"Z": 0.5})
    with pytest.raises(DataError) as refused:
        document.check(ONTOLOGY)
    said = str(refused.value)
    assert "Role 'Wepon' is not allowed for Conflict.Attack; allowed: Agent, Target, Instrument" in said
    assert "Role 'Agnt' is not allowed for Conflict.Attack (did you mean 'Agent'?)" in said
    assert "Unknown modality 'maybe'; allowed: asserted, other (ontology.yaml)" in said
    assert "events[1]: Unknown event type 'Conflict.Atack' (did you mean 'Conflict.Attack'?)" in said
    assert "sentences[0]: Unknown event type 'Y'" in said
    assert "types: Unknown event type 'Z'" in said
    Document(TEXT, [attack()]).check(ONTOLOGY)


# ---------------------------------------------------------------------- any text at all

ANY = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)  # lone surrogates included
SCORE = st.floats(0, 1)
NAME = st.text(min_size=1, max_size=8)


@st.composite
def spans(draw: st.DrawFn, text: str) -> Span:
    start = draw(st.integers(0, len(text) - 1))
    return Span.of(text, start, draw(st.integers(start + 1, len(text))))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(ANY)
    argument = st.builds(Argument, NAME, spans(text), SCORE)
    made = st.builds(Event, NAME, spans(text), st.lists(argument, max_size=3), NAME, NAME, SCORE)
    scores = st.none() | st.dictionaries(NAME, SCORE, max_size=2)

    def sentence(found: Span, types: list[str], scores: dict[str, float] | None) -> Sentence:
        return Sentence(found.start, found.end, found.text, types, scores)

    return Document(
        text,
        draw(st.lists(made, max_size=3)),
        draw(st.lists(st.builds(sentence, spans(text), st.lists(NAME, max_size=2), scores), max_size=2)),
        draw(ANY),
        draw(st.dictionaries(NAME, st.none() | st.integers() | NAME, max_size=2)),
        draw(st.none() | NAME),
        draw(st.none() | NAME),
        draw(scores),
    )


@given(documents())
def test_dicts_round_trip(document: Document) -> None:
    data = document.to_dict()
    assert data["schema"] == SCHEMA_VERSION
    assert Document.from_dict(data) == document
    assert Document.from_dict(copy.deepcopy(data)).to_dict() == data


@given(documents())
def test_every_span_of_a_document_is_in_its_text(document: Document) -> None:
    found = [s for e in document.events for s in (e.trigger, *(a.span for a in e.arguments))]
    for piece in [*found, *document.sentences]:
        assert document.text[piece.start : piece.end] == piece.text


@given(ANY, st.integers(-5, 50), st.integers(-5, 50))
def test_span_of_gives_the_slice_or_refuses(text: str, start: int, end: int) -> None:
    if 0 <= start < end <= len(text):
        assert Span.of(text, start, end).text == text[start:end]
    else:
        with pytest.raises(DataError):
            Span.of(text, start, end)


@given(documents(), st.integers(-3, 3).filter(bool))
def test_a_shifted_trigger_is_never_taken_in_silence(document: Document, shift: int) -> None:
    data = document.to_dict()
    for row in data["events"]:
        row["trigger"]["start"] += shift
        row["trigger"]["end"] += shift
        moved = row["trigger"]
        if moved["start"] >= 0 and document.text[moved["start"] : moved["end"]] == moved["text"]:
            continue
        with pytest.raises(DataError):
            Document.from_dict(data)
        return


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["text", "events", "sentences", "types", "meta", "id", "trigger", "start", "end", "role"]
)


@given(JSON | st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON), max_size=2), max_size=6))
def test_arbitrary_json_is_a_document_or_a_data_error(data: Any) -> None:
    try:
        document = Document.from_dict(data, ONTOLOGY)
    except AhdathError as error:
        assert str(error)  # noqa: PT017  either outcome may be right
    else:
        assert json.loads(json.dumps(document.to_dict()))["text"] == data["text"]
