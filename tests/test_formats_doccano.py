"""doccano: entities and relations, offsets in UTF-16 code units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, doccano
from ahdath.schema import Document, Event, Span
from format_documents import GOLDEN, documents, known, quiet


def test_the_known_document_is_the_golden_file(tmp_path: Path) -> None:
    with pytest.warns(FormatWarning) as told:
        doccano.write([known()], tmp_path / "out.jsonl")
    assert [str(w.message) for w in told] == [
        "doccano: not kept: 2 sentences, 1 modalities or polarities that are not the default"
    ]
    assert (tmp_path / "out.jsonl").read_bytes() == (GOLDEN / "doccano.jsonl").read_bytes()


def test_the_golden_file_is_the_known_document() -> None:
    (found,) = doccano.read(GOLDEN / "doccano.jsonl")
    assert (found.id, found.text) == ("known", known().text)
    assert [(e.type, e.trigger, e.arguments) for e in found.events] == [
        (e.type, e.trigger, e.arguments) for e in known().events
    ]


def test_offsets_are_utf_16_as_doccano_counts() -> None:
    text = "👨🏻🚒 firemen drive firetrucks"  # of issue 2290: 22..32 in doccano, 19..29 in Python
    start = text.index("firetrucks")
    document = Document(text, (Event("X", Span.of(text, start, start + 10)),))
    (entity,) = json.loads(doccano.dumps([document]))["entities"]
    assert (entity["start_offset"], entity["end_offset"]) == (start + 3, start + 13)
    (other,) = json.loads(doccano.dumps([document], units="code points"))["entities"]
    assert (other["start_offset"], other["end_offset"]) == (start, start + 10)


@settings(max_examples=40, deadline=None)
@given(documents(attributes=False))
def test_documents_come_back(document: Document) -> None:
    for units in ("utf-16", "code points"):
        with quiet():
            assert doccano.loads(doccano.dumps([document], units=units), units=units) == [document]


def test_ids_are_unique_in_the_file() -> None:
    with quiet():
        rows = [json.loads(line) for line in doccano.dumps([known(), known()]).splitlines()]
    for key, number in (("entities", 12), ("relations", 8)):
        assert len({part["id"] for row in rows for part in row[key]}) == number


def test_the_examples_of_doccano_are_read() -> None:
    row = {
        "text": "Google was founded on September 4, 1998.",
        "entities": [
            {"id": 0, "start_offset": 11, "end_offset": 18, "label": "founding"},
            {"id": 1, "start_offset": 0, "end_offset": 6, "label": "Argument"},
        ],
        "relations": [{"from_id": 0, "to_id": 1, "type": "organisation"}],
        "source": "web",
        "id": 12,
        "Comments": ["?"],
    }
    with pytest.warns(FormatWarning, match="1 comments"):
        (found,) = doccano.loads(json.dumps(row))
    assert (found.id, found.meta) == ("12", {"source": "web"})
    assert [(a.role, a.span.text) for a in found.events[0].arguments] == [("organisation", "Google")]
    (plain,) = doccano.loads('{"text": "EU rejects", "label": [[3, 10, "reject"]]}')
    assert plain.events == (Event("reject", Span(3, 10, "rejects")),)


GOOD: dict[str, Any] = {"text": "😀 قصفت", "entities": [{"id": 0, "label": "X", "start_offset": 3, "end_offset": 7}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": 3}, r"f:1: text: expected str"),
        ({"entities": [{"id": 0, "label": "X", "start_offset": 1, "end_offset": 7}]}, r"entity 0: expected offsets from 0 to 7 in UTF-16"),
        ({"entities": [{"id": 0, "label": "X", "start_offset": 3, "end_offset": 8}]}, r"entity 0: expected offsets from 0 to 7"),
        ({"entities": [{"id": 0, "label": "X", "start_offset": 3, "end_offset": 3}]}, r"end exclusive"),
        ({"entities": [{"label": "X"}]}, r"expected the key 'id'"),
        ({"relations": [{"type": "Agent", "from_id": 0, "to_id": 9}]}, r"relation Agent: expected ids of regions, found '9'"),
        ({"label": [[0, 2]]}, r"label 0: expected \[start, end, label\]"),
    ],
)  # fmt: skip
def test_damage_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        doccano.loads(json.dumps({**GOOD, **change}), "f")


def test_all_wrong_lines_are_told() -> None:
    with pytest.raises(DataError, match=r"f: 2 problem\(s\)(.|\n)*f:1: (.|\n)*f:3: "):
        doccano.loads("\n".join(['{"text": 1}', json.dumps(GOOD), "[]"]), "f")
