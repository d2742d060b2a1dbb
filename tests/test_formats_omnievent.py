"""OmniEvent: characters, end exclusive."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, omnievent
from ahdath.schema import Document, Span
from format_documents import GOLDEN, documents, known, named, quiet


def test_the_known_document_is_the_golden_file_and_back(tmp_path: Path) -> None:
    with pytest.warns(FormatWarning, match="2 sentences, 1 modalities or polarities"):
        omnievent.write([known()], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (GOLDEN / "omnievent.jsonl").read_bytes()
    (found,) = omnievent.read(GOLDEN / "omnievent.jsonl")
    assert [(e.type, e.trigger, e.arguments) for e in found.events] == [
        (e.type, e.trigger, e.arguments) for e in known().events
    ]


def test_the_example_of_omnievent_is_read() -> None:
    chun = {"id": "m-291", "mention": "Chun", "position": [10, 14]}
    row = {
        "id": "NYT_ENG_20130910.0002-6",
        "text": "In 1997 , Chun was sentenced to life in prison and Roh to 17 years .",
        "events": [
            {
                "type": "sentence",
                "triggers": [
                    {
                        "id": "em-2342",
                        "trigger_word": "sentenced",
                        "position": [19, 28],
                        "arguments": [{"role": "defendant", "mentions": [chun]}],
                    },
                    {"id": "em-1", "trigger_word": "prison", "position": [40, 46]},
                ],
            }
        ],
        "negative_triggers": [{"id": 0, "trigger_word": "In", "position": [0, 2]}],
        "entities": [{"type": "PER", "mentions": [chun, {"id": "m", "mention": "Roh", "position": [51, 54]}]}],
    }
    with pytest.warns(FormatWarning) as told:
        (found,) = omnievent.loads(json.dumps(row))
    assert [str(w.message) for w in told] == [
        "ahdath from OmniEvent: not kept: 1 links between triggers of one event, 1 entity mentions that are no argument"
    ]
    assert [e.trigger for e in found.events] == [Span(19, 28, "sentenced"), Span(40, 46, "prison")]
    assert found.events[0].arguments[0].span == Span(10, 14, "Chun")


@settings(max_examples=40, deadline=None)
@given(documents(attributes=False))
def test_documents_come_back(document: Document) -> None:
    with quiet():
        assert omnievent.loads(omnievent.dumps([document])) == [replace(document, id=named(document))]


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ({"trigger_word": "قصفت", "position": [0, 3]}, r"f:1: event 0: expected 'قصف', the text at 0:3, found 'قصفت'"),
        ({"trigger_word": "قصفت", "position": [0, 5]}, r"expected 0 <= start < end <= 4 in code points"),
        ({"trigger_word": "قصفت", "position": [0]}, r"position: expected \[start, end\]"),
        ({"position": [0, 4]}, r"expected the key 'trigger_word'"),
    ],
)
def test_damage_is_refused(trigger: dict[str, Any], message: str) -> None:
    row = {"id": "a", "text": "قصفت", "events": [{"type": "X", "triggers": [trigger]}]}
    with pytest.raises(DataError, match=message):
        omnievent.loads(json.dumps(row), "f")
