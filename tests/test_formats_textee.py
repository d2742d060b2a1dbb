"""OneIE/TextEE: tokens of the sentence, end exclusive; what comes back is what words can say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, textee
from ahdath.schema import Argument, Document, Event, Sentence, Span
from format_documents import GOLDEN, documents, in_words, known, named, quiet


def test_the_known_document_is_the_golden_file(tmp_path: Path) -> None:
    with quiet():
        textee.write([known()], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == (GOLDEN / "textee.jsonl").read_text(encoding="utf-8")
    with pytest.warns(FormatWarning, match="not kept: 1 modalities or polarities that are not the default"):
        textee.dumps([known()])


def test_tokens_are_counted_in_the_sentence_and_the_end_is_exclusive() -> None:
    with quiet():
        first, second = (json.loads(line) for line in textee.dumps([known()]).splitlines())
    assert first["event_mentions"][0]["trigger"] == {"text": "قصفت", "start": 1, "end": 2}
    agent = first["event_mentions"][0]["arguments"][0]
    assert (agent["role"], agent["start"], agent["end"], agent["text"]) == ("Agent", 2, 4, "القوات السورية")
    assert second["event_mentions"][0]["trigger"] == {"text": "سحب", "start": 2, "end": 3}
    assert second["tokens"][2:3] == ["سحب"]


def test_the_golden_file_is_the_known_document() -> None:
    found = textee.read(GOLDEN / "textee.jsonl")
    expected = known()
    assert [(d.id, d.text, d.sentences) for d in found] == [("known", expected.text, expected.sentences)]
    assert in_words(found[0]) == in_words(expected)


def test_the_example_of_textee_is_read_and_what_is_not_an_event_is_counted() -> None:
    row = {
        "doc_id": "DOC101", "wnd_id": "DOC101-2", "lang": "en",
        "text": "James will start his first job at Google in June.",
        "tokens": ["James", "will", "start", "his", "first", "job", "at", "Google", "in", "June", "."],
        "entity_mentions": [
            {"id": "E0", "entity_type": "PER", "text": "James", "start": 0, "end": 1},
            {"id": "E1", "entity_type": "ORG", "text": "Google", "start": 7, "end": 8},
        ],
        "event_mentions": [
            {
                "id": "EV0", "event_type": "START_JOB", "trigger": {"text": "start", "start": 2, "end": 3},
                "arguments": [{"entity_id": "E1", "role": "company", "text": "Google", "start": 7, "end": 8}],
            }
        ],
        "relation_mentions": [{"id": "R1"}],
    }  # fmt: skip
    with pytest.warns(FormatWarning) as told:
        document = textee.loads(json.dumps(row))[0]
    assert [str(w.message) for w in told] == [
        "ahdath from OneIE/TextEE: not kept: 1 entity mentions that are no argument, 1 relation mentions"
    ]
    event = document.events[0]
    assert (event.type, event.trigger, event.arguments[0].span) == (
        "START_JOB", Span(11, 16, "start"), Span(34, 40, "Google"),
    )  # fmt: skip


def test_oneie_names_the_sentence_otherwise_and_may_leave_out_the_text() -> None:
    row = {"doc_id": "a", "sent_id": "a-0", "tokens": ["قصفت", "حلب"], "event_mentions": [], "sentence": "قصفت  حلب"}
    assert textee.loads(json.dumps(row))[0].text == "قصفت  حلب"
    del row["sentence"]
    assert textee.loads(json.dumps(row))[0].text == "قصفت حلب"


def oneie(**change: object) -> str:
    """A line as OneIE's preprocessing writes it: an argument names its entity and tells no place of its own."""
    argument = {"entity_id": "a-0-E1", "text": "حلب", "role": "Place", **change}
    row = {
        "doc_id": "a", "sent_id": "a-0", "tokens": ["قصف", "الجيش", "حلب"], "pieces": ["قصف", "الجيش", "حل", "##ب"],
        "token_lens": [1, 1, 2], "sentence": "قصف الجيش حلب", "relation_mentions": [],
        "entity_mentions": [
            {"id": "a-0-E0", "start": 1, "end": 2, "entity_type": "PER", "mention_type": "UNK", "text": "الجيش"},
            {"id": "a-0-E1", "start": 2, "end": 3, "entity_type": "GPE", "mention_type": "UNK", "text": "حلب"},
        ],
        "event_mentions": [
            {"event_type": "Conflict:Attack", "id": "a-0-EV0", "trigger": {"start": 0, "end": 1, "text": "قصف"},
             "arguments": [{key: value for key, value in argument.items() if value is not None}]}
        ],
    }  # fmt: skip
    return json.dumps(row)


def test_arguments_of_oneie_stand_where_their_entity_stands() -> None:
    with pytest.warns(FormatWarning, match="not kept: 1 entity mentions that are no argument"):
        (document,) = textee.loads(oneie())
    (event,) = document.events
    assert (event.type, event.trigger) == ("Conflict:Attack", Span(0, 3, "قصف"))
    assert event.arguments == (Argument("Place", Span(10, 13, "حلب")),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entity_id": "a-0-E7"}, "argument 0: entity_id: expected the id of an entity of the line, or start and end, found 'a-0-E7'"),
        ({"entity_id": None}, "argument 0: expected the key 'entity_id'"),
        ({"text": "دمشق"}, r"argument 0: expected 'حلب', tokens 2:3 \(end exclusive\), found 'دمشق'"),
        ({"start": 2}, r"argument 0: expected 0 <= start < end <= 3 in tokens \(end exclusive\), found \[2, None\]"),
    ],
)  # fmt: skip
def test_an_argument_without_a_place_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        textee.loads(oneie(**change))


@settings(max_examples=40, deadline=None)
@given(documents(inside=True))
def test_words_events_and_arguments_come_back(document: Document) -> None:
    with quiet():
        found = textee.loads(textee.dumps([document]))
    assert len(found) == 1
    assert found[0].id == named(document)
    assert in_words(found[0]) == in_words(document)


def test_all_that_is_lost_is_told_once_with_counts() -> None:
    text = "قصفت حلب. ثم دمشق."
    event = Event(
        "Conflict.Attack",
        Span.of(text, 1, 4),
        (Argument("Place", Span.of(text, 5, 8), score=0.5), Argument("Place", Span.of(text, 13, 17))),
    )
    across = Event("Conflict.Attack", Span.of(text, 5, 12))
    with pytest.warns(FormatWarning) as told:
        lines = textee.dumps([Document(text, (event, across), meta={"batch": "x"})]).splitlines()
    assert [str(w.message) for w in told] == [
        "OneIE/TextEE: not kept: 1 scores, 1 meta values, 1 borders inside a word (widened to whole words), "
        "1 arguments outside the sentence of their trigger, 1 events whose trigger has no word or leaves its sentence"
    ]
    (kept,) = json.loads(lines[0])["event_mentions"]
    assert kept["trigger"]["text"] == "قصفت"
    assert [a["text"] for a in kept["arguments"]] == ["حلب"]


def test_white_space_that_comes_back_otherwise_is_counted() -> None:
    text = "  قصفت\tحلب.\r\nثم دمشق. ثم حمص.\n\nثم\n"
    with pytest.warns(FormatWarning) as told:
        (found,) = textee.loads(textee.dumps([Document(text)]))
    assert [str(w.message) for w in told] == [
        "OneIE/TextEE: not kept: 2 gaps between sentences that are not one space (made one), "
        "3 characters before the first or behind the last sentence"
    ]
    assert found.text == "قصفت\tحلب. ثم دمشق. ثم حمص. ثم"
    assert textee.loads(textee.dumps([Document(found.text)]))[0].text == found.text  # and no warning


def test_sentences_of_the_document_are_taken_where_they_hold_every_word() -> None:
    text = "قصفت حلب. ثم دمشق."
    whole = Document(text, sentences=(Sentence(0, len(text), text),))
    half = Document(text, sentences=(Sentence(0, 9, text[:9]),))
    assert len(textee.dumps([whole]).splitlines()) == 1
    assert len(textee.dumps([half]).splitlines()) == 2


def test_ids_are_needed_once() -> None:
    assert '"doc_id":"document-1"' in textee.dumps([Document("قصفت")])
    with pytest.raises(DataError, match=r"document 2: expected every id once, found 'a'; rename"):
        textee.dumps([Document("قصفت", id="a"), Document("حلب", id="a")])


GOOD = {"doc_id": "a", "tokens": ["قصفت", "حلب"], "text": "قصفت حلب", "event_mentions": []}
EVENT = {"event_type": "X", "trigger": {"start": 0, "end": 1}, "arguments": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": ["قصفت", "دمشق"]}, r"f:1: token 1: expected a token that stands in the text after 4, found 'دمشق'"),
        ({"tokens": "قصفت"}, r"f:1: tokens: expected list"),
        ({"event_mentions": [{**EVENT, "trigger": {"start": 1, "end": 3}}]}, r"event 0: trigger: expected 0 <= start < end <= 2 in tokens"),
        ({"event_mentions": [{**EVENT, "trigger": {"start": 1, "end": 1}}]}, r"\(end exclusive\), found \[1, 1\]"),
        ({"event_mentions": [{**EVENT, "trigger": {"text": "حلب", "start": 0, "end": 1}}]}, r"expected 'قصفت', tokens 0:1"),
        ({"event_mentions": [{"trigger": {"start": 0, "end": 1}}]}, r"expected the key 'event_type'"),
        ({"event_mentions": None}, r"event_mentions: expected list, found nothing"),
    ],
)  # fmt: skip
def test_damaged_lines_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        textee.loads(json.dumps({**GOOD, **change}), "f")


def test_other_damage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"f:2: expected JSON, found"):
        textee.loads(json.dumps(GOOD) + "\n{", "f")
    with pytest.raises(DataError, match="expected an object with 'doc_id', found 3"):
        textee.loads("3", "f")
    apart = [{**GOOD, "doc_id": name} for name in "aba"]
    with pytest.raises(DataError, match=r"f:3: expected the lines of a document one after the other, found 'a'"):
        textee.loads("\n".join(map(json.dumps, apart)), "f")
    with pytest.raises(DataError, match="expected a readable file"):
        textee.read(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes("é".encode("latin-1"))
    with pytest.raises(DataError, match="expected UTF-8"):
        textee.read(tmp_path / "latin.jsonl")
