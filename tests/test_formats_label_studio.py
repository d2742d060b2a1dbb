"""Label Studio: regions, relations and choices; code points, or UTF-16 where an older release wrote the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, label_studio
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from format_documents import GOLDEN, documents, known, quiet

CAT = "🐱 Warning: This is a test text"  # of Label Studio's own test


def task(text: str, *result: dict[str, Any], **rest: Any) -> str:
    return json.dumps([{"id": 7, "data": {"text": text}, "annotations": [{"result": list(result)}], **rest}])


def region(id: str, start: int, end: int, label: str, text: str | None = None) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label], **({} if text is None else {"text": text})}
    return {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value}


def test_the_known_document_is_the_golden_file(tmp_path: Path) -> None:
    with pytest.warns(FormatWarning, match=r"^Label Studio: not kept: 2 sentences$"):
        label_studio.write([known()], tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written == json.loads((GOLDEN / "label_studio.json").read_text(encoding="utf-8"))


def test_the_golden_file_is_the_known_document() -> None:
    (found,) = label_studio.read(GOLDEN / "label_studio.json")
    assert (found.id, found.text, found.events) == ("known", known().text, known().events)


def test_offsets_are_code_points_as_in_the_test_of_label_studio() -> None:
    document = Document(CAT, (Event("region", Span.of(CAT, 21, 25)),))
    value = json.loads(label_studio.dumps([document]))[0]["annotations"][0]["result"][0]["value"]
    assert value == {"start": 21, "end": 25, "text": "test", "labels": ["region"]}
    assert label_studio.loads(task(CAT, region("a", 21, 25, "region", "test")))[0].events == document.events


def test_a_file_of_an_older_release_counts_utf_16() -> None:
    text = "💩This is an annotation."  # of issue 1347
    (found,) = label_studio.loads(task(text, region("a", 13, 23, "Annotation", "annotation")))
    assert found.events[0].trigger == Span(12, 22, "annotation")
    assert found.id == "7"
    with pytest.raises(DataError, match=r"task 0: a: expected 'annotation', the text at 12:22, found 'annotatio!'"):
        label_studio.loads(task(text, region("a", 13, 23, "Annotation", "annotatio!")))
    assert label_studio.loads(task(text, region("a", 13, 23, "X")))[0].events[0].trigger.text == "nnotation."


def test_a_line_break_in_a_region_is_written_as_label_studio_does() -> None:
    text = "وقف\nإطلاق"
    document = Document(text, (Event("Conflict.Ceasefire", Span.of(text, 0, 9)),))
    content = label_studio.dumps([document])
    assert json.loads(content)[0]["annotations"][0]["result"][0]["value"]["text"] == "وقف\\nإطلاق"
    assert label_studio.loads(content) == [document]


@settings(max_examples=40, deadline=None)
@given(documents())
def test_documents_come_back(document: Document) -> None:
    with quiet():
        assert label_studio.loads(label_studio.dumps([document])) == [document]


def test_answers_of_a_model_become_predictions_with_scores() -> None:
    text = "قصفت حلب"
    event = Event("Conflict.Attack", Span.of(text, 0, 4), (Argument("Place", Span.of(text, 5, 8), 0.5),), score=0.75)
    document = Document(text, (event,), id="a", meta={"start": 3}, model="m")
    with pytest.warns(FormatWarning, match=r"^Label Studio: not kept: 1 scores of arguments$"):
        content = label_studio.dumps([document])
    (written,) = json.loads(content)
    assert written["predictions"][0]["model_version"] == "m"
    assert written["predictions"][0]["result"][0]["score"] == 0.75
    (found,) = label_studio.loads(content)
    assert (found.model, found.meta, found.events[0].score) == ("m", {"start": 3}, 0.75)


def test_people_come_before_models_and_what_is_left_is_counted() -> None:
    attack, place = region("a", 0, 4, "Conflict.Attack"), region("b", 5, 8, "Argument")
    link = {"from_id": "b", "to_id": "a", "type": "relation", "direction": "left", "labels": ["Place"]}
    rating = {"id": "a", "type": "rating", "value": {"rating": 3}}
    cancelled = {"was_cancelled": True, "result": [attack]}
    content = json.dumps(
        [
            {
                "data": {"text": "قصفت حلب"},
                "annotations": [cancelled, {"result": [attack, place, link, rating]}, {"result": []}],
                "predictions": [{"model_version": "m", "result": []}],
            }
        ]
    )
    with pytest.warns(FormatWarning) as told:
        (found,) = label_studio.loads(content)
    assert [str(w.message) for w in told] == [
        "ahdath from Label Studio: not kept: 1 further annotations of the same text, "
        "1 predictions beside the one that is taken, 1 results of type 'rating'"
    ]
    assert found.model is None
    assert found.events[0].arguments == (Argument("Place", Span(5, 8, "حلب")),)


def test_arguments_without_an_event_are_counted() -> None:
    with pytest.warns(FormatWarning, match="1 arguments that no event has"):
        assert label_studio.loads(task("قصفت", region("a", 0, 4, "Argument")))[0].events == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", r"f: expected a list of tasks"),
        ("[", r"f: expected JSON"),
        ('[{"data": {}}]', r"f: task 0: data: expected the key 'text'"),
        (task("قصفت", region("a", 0, 5, "X")), r"f: task 0: a: expected 0 <= start < end <= 4 in code points"),
        (task("قصفت", region("a", 0, 2, "X", "فت")), r"expected 'قص', the text at 0:2, found 'فت'"),
        (task("😀", region("a", 0, 1, "X", "x")), r"expected offsets from 0 to 2 in UTF-16"),
        (task("قصفت", {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["X"]}), r"relation X: expected ids of regions, found 'a'"),
        (task("قصفت", {**region("a", 0, 4, "X"), "value": {"start": 0, "end": 4, "labels": ["X", "Y"]}}), r"expected one label"),
    ],
)  # fmt: skip
def test_damage_is_refused(content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        label_studio.loads(content, "f")


def test_the_interface_has_every_type_role_and_value() -> None:
    ontology = Ontology.default()
    view = ElementTree.fromstring(label_studio.config(ontology))
    assert [e.get("value") for e in view.iter("Label")] == ["Argument", *ontology.type_names]
    assert [e.get("value") for e in view.iter("Relation")] == list(ontology.role_names)
    choices = {e.get("name"): [c.get("value") for c in e] for e in view.iter("Choices")}
    assert choices == {name: list(values) for name, values in ontology.attributes.items()}
