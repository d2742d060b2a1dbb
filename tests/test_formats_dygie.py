"""DyGIE++: tokens of the document, end inclusive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, dygie
from ahdath.schema import Document, Event, Span
from format_documents import GOLDEN, documents, in_words, known, named, quiet


def test_the_known_document_is_the_golden_file_and_back(tmp_path: Path) -> None:
    with quiet():
        dygie.write([known()], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (GOLDEN / "dygie.jsonl").read_bytes()
    (found,) = dygie.read(GOLDEN / "dygie.jsonl")
    assert found.text == "😀 قصفت القوات السورية حلب أمس . ونفى المتحدث سحب قواته ."
    assert in_words(found) == in_words(known())


def test_the_second_sentence_counts_on_and_the_end_is_inclusive() -> None:
    with quiet():
        row = json.loads(dygie.dumps([known()]))
    assert row["events"][1] == [[[9, "Conflict.Withdraw"], [10, 10, "Object"]]]
    assert row["events"][0][0][1] == [2, 3, "Agent"]  # two words: القوات السورية


def test_the_example_of_dygie_is_read() -> None:
    row = {
        "doc_key": "a",
        "sentences": [
            ["Seattle", "is", "a", "rainy", "city", "."],
            ["Jenny", "Durkan", "is", "the", "city's", "mayor", "."],
            ["She", "was", "elected", "in", "2017", "."],
        ],
        "ner": [[[0, 0, "City"]], [[6, 7, "Person"], [9, 10, "City"]], [[13, 13, "Person"], [17, 17, "Year"]]],
        "events": [[], [], [[[15, "Personnel.Election"], [13, 13, "Person"], [17, 17, "Date"]]]],
        "clusters": [[[0, 0], [9, 10]]],
    }
    with pytest.warns(FormatWarning, match="3 entities that are no argument, 1 clusters"):
        (found,) = dygie.loads(json.dumps(row))
    event = found.events[0]
    assert event.trigger.text == "elected"
    assert [(a.role, a.span.text) for a in event.arguments] == [("Person", "She"), ("Date", "2017")]


@settings(max_examples=40, deadline=None)
@given(documents(inside=True))
def test_words_events_and_arguments_come_back(document: Document) -> None:
    with quiet():
        (found,) = dygie.loads(dygie.dumps([document]))
    assert found.id == named(document)
    assert in_words(found, one_word=True) == in_words(document, one_word=True)


def test_a_trigger_of_two_words_is_cut_and_told() -> None:
    text = "وقف إطلاق النار"
    with pytest.warns(FormatWarning, match=r"1 triggers of several words \(cut to the first\)"):
        content = dygie.dumps([Document(text, (Event("Conflict.Ceasefire", Span.of(text, 0, 15)),))])
    assert dygie.loads(content)[0].events[0].trigger.text == "وقف"


def test_texts_that_come_back_otherwise_are_counted() -> None:
    with pytest.warns(FormatWarning) as told:
        found = dygie.loads(dygie.dumps([Document(text) for text in ("قصفت حمص.", "قصفت حمص", " ", "قصفت  حمص")]))
    assert [str(w.message) for w in told] == [
        "DyGIE++: not kept: 3 texts that are not their words with a space between (made so)"
    ]
    assert [document.text for document in found] == ["قصفت حمص .", "قصفت حمص", "", "قصفت حمص"]


GOOD: dict[str, Any] = {"doc_key": "a", "sentences": [["قصفت"], ["حلب", "."]], "events": [[], []]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sentences": [["قصفت"], "حلب"]}, r"f:1: sentence 1: expected a list of tokens"),
        ({"events": [[]]}, r"f:1: events: expected 2 lists, one for every sentence, found 1"),
        ({"events": [[[[1, "X"]]], []]}, r"sentence 0: expected 0 <= start <= end < 1 in tokens of the document \(end inclusive\)"),
        ({"events": [[], [[[1, "X"], [1, 3, "Place"]]]]}, r"expected 1 <= start <= end < 3"),
        ({"events": [[], [[1, "X"]]]}, r"expected \[\[trigger, type\]"),
        ({"doc_key": None}, r"f:1: doc_key: expected str"),
    ],
)  # fmt: skip
def test_damage_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dygie.loads(json.dumps({**GOOD, **change}), "f")
