"""Label Studio tasks: regions of type `labels`, relations between them, choices by region; the end is exclusive.

Keys after https://labelstud.io/guide/task_format and https://labelstud.io/guide/predictions: a task has `data`,
`annotations` or `predictions`, each with `result`, whose items have `id`, `from_name`, `to_name`, `type`, `value`
(`start`, `end`, `text`, `labels`); a relation has `from_id`, `to_id`, `direction`, `labels`. Text in a `<Text>` tag is
counted in code points: the editor's own test ("Should calculate offsets by code points in text",
https://github.com/HumanSignal/label-studio, web/libs/editor) has `test` of `🐱 Warning: This is a test text` at 21..25,
and writes a line break inside `value.text` as a backslash and an n. Releases before that counted UTF-16 code units
(issue #1347: `💩This is an annotation.`, `annotation` at 13..23); such a task is known by its `value.text` and read too.

Documents with a model become predictions (to be corrected), all others annotations. Scores of arguments, sentences and
the ontology's digest have no place in the format. `config` gives the labelling interface that goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from typing import Any
from xml.sax.saxutils import quoteattr

from ahdath.errors import DataError
from ahdath.formats.losses import Losses
from ahdath.formats.records import (
    array,
    decoded,
    expected,
    field,
    parsed,
    plain_meta,
    read_text,
    span_at,
    write_text,
)
from ahdath.formats.regions import ARGUMENT, Region, Relation, events_of, from_utf16, regions_of, utf16_places
from ahdath.ontology import ATTRIBUTES, Ontology
from ahdath.schema import Document, Span

__all__ = ["config", "dumps", "loads", "read", "write"]

NAME = "Label Studio"


def config(ontology: Ontology) -> str:
    """The labelling interface (XML) for an ontology: event types, roles as relations, attributes by region."""

    def tags(tag: str, values: Sequence[tuple[str, str]]) -> str:
        return "".join(
            f"    <{tag} value={quoteattr(v)}" + (f" hint={quoteattr(h)}" if h else "") + "/>\n" for v, h in values
        )

    labels = tags("Label", [(ARGUMENT, ""), *((t.name, t.ar) for t in ontology.types.values())])
    roles = tags("Relation", [(role, "") for role in ontology.role_names])
    choices = "".join(
        f'  <Choices name="{name}" toName="text" perRegion="true">\n{tags("Choice", [(v, "") for v in values])}  </Choices>\n'
        for name, values in ontology.attributes.items()
    )
    return (
        f'<View>\n  <Relations>\n{roles}  </Relations>\n  <Labels name="label" toName="text">\n{labels}  </Labels>\n{choices}'
        '  <Style>.htx-text{ white-space: pre-wrap; direction: rtl; }</Style>\n  <Text name="text" value="$text"/>\n</View>\n'
    )


def dumps(documents: Sequence[Document]) -> str:
    """The documents as a JSON list of tasks, ready to import; see `config`."""
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "attributes", "scores", "model", "meta"))
    tasks = [_task(document, losses) for document in documents]
    losses.warn()
    return json.dumps(tasks, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _task(document: Document, losses: Losses) -> dict[str, Any]:
    regions, relations = regions_of(document, ARGUMENT)
    scored = document.model is not None
    result: list[dict[str, Any]] = []
    for key, region in regions.items():
        place = {"start": region.span.start, "end": region.span.end, "text": region.span.text.replace("\n", "\\n")}
        common = {"id": key, "to_name": "text"}
        labelled = {**common, "from_name": "label", "type": "labels", "value": {**place, "labels": [region.label]}}
        result.append({**labelled, "score": region.score} if scored and region.modality else labelled)
        for name in ATTRIBUTES:
            if (choice := getattr(region, name)) is not None:
                value = {**place, "choices": [choice]}
                result.append({**common, "from_name": name, "type": "choices", "value": value})
    for relation in relations:
        ends = {"from_id": relation.source, "to_id": relation.target}
        result.append({**ends, "type": "relation", "direction": "right", "labels": [relation.role]})
    losses.add("scores of arguments", sum(a.score < 1 for event in document.events for a in event.arguments))
    if not scored:
        losses.add("scores without a model", sum(event.score < 1 for event in document.events))
    data = {"id": document.id, "text": document.text, "meta": plain_meta(document)}
    if scored:
        return {"data": data, "predictions": [{"model_version": document.model, "result": result}]}
    return {"data": data, "annotations": [{"result": result}]}


def loads(content: str, source: str = NAME, *, ontology: Ontology | None = None) -> list[Document]:
    """The documents of an exported JSON list of tasks. Raises DataError with `source` and the task.

    The first annotation that was not cancelled is taken, without one the first prediction; others are counted in
    a FormatWarning. Events carry `ontology` (None: the packaged one), whose defaults fill what no choice says.
    """
    tasks = parsed(content, source)
    if not isinstance(tasks, list):
        expected(source, "a list of tasks (export as JSON, not JSON-MIN)", tasks)
    losses = Losses(f"ahdath from {NAME}")
    rows = [(f"{source}: task {number}", task) for number, task in enumerate(tasks)]
    documents = decoded(rows, lambda task, where: _document(task, where, losses, ontology), source)
    losses.warn()
    return documents


def _document(task: Any, where: str, losses: Losses, ontology: Ontology | None) -> Document:
    data = field(task, "data", dict, where)
    text = field(data, "text", str, f"{where}: data")
    name = str(field(data, "id", (str, int), where, field(task, "id", (str, int), where, "")))
    annotations = [
        a for a in array(task, "annotations", where, []) if not field(a, "was_cancelled", object, where, False)
    ]
    predictions = array(task, "predictions", where, [])
    losses.add("further annotations of the same text", max(0, len(annotations) - 1))
    losses.add("predictions beside the one that is taken", max(0, len(predictions) - (not annotations)))
    chosen = (annotations or predictions or [{"result": []}])[0]
    model = None if annotations or not predictions else field(chosen, "model_version", str, where, None)
    result = array(chosen, "result", where)
    regions, relations = _graph(text, result, where, losses)
    events = events_of(regions, relations, ARGUMENT, where, losses, ontology)
    return Document(text, events, id=name, model=model or None, meta=field(data, "meta", dict, where, {}))


def _graph(text: str, result: list[Any], where: str, losses: Losses) -> tuple[dict[str, Region], list[Relation]]:
    labels = [item for item in result if field(item, "type", str, where) == "labels"]
    spans = _spans(text, labels, where)
    said: dict[str, dict[str, str]] = {}
    relations = []
    for item in result:
        kind = item["type"]
        if kind == "choices" and str(item.get("from_name")) in ATTRIBUTES:
            values = array(field(item, "value", dict, where), "choices", where)
            if len(values) != 1:
                expected(f"{where}: {item['from_name']}", "one choice", values)
            said.setdefault(field(item, "id", str, where), {})[item["from_name"]] = values[0]
        elif kind == "relation":
            ends = (field(item, "from_id", str, where), field(item, "to_id", str, where))
            ends = ends[::-1] if item.get("direction") == "left" else ends
            roles = array(item, "labels", where, [])
            losses.add("relations without a role", int(not roles))
            relations += [Relation(role, *ends) for role in roles]
        elif kind != "labels":
            losses.add(f"results of type {kind!r}")
    regions = {}
    for item, span in zip(labels, spans, strict=True):
        names = array(item["value"], "labels", where)
        if len(names) != 1:
            expected(f"{where}: {item.get('id')}", "one label", names, "annotate two events as two regions")
        key = field(item, "id", str, where)
        score = field(item, "score", (int, float), where, 1.0)
        regions[key] = Region(names[0], span, score, **said.get(key, {}))
    return regions, relations


def _spans(text: str, labels: list[Any], where: str) -> list[Span]:
    """The spans of regions, counted in code points or, where only that fits `value.text`, in UTF-16 code units."""
    values = [(field(item, "value", dict, where), f"{where}: {item.get('id')}") for item in labels]

    def counted(utf16: bool) -> list[Span]:
        found, places = [], utf16_places(text) if utf16 else []
        for value, place in values:
            start, end = value.get("start"), value.get("end")
            start, end = from_utf16(places, start, end, place) if utf16 else (start, end)
            span = span_at(text, start, end, place)
            told = value.get("text")
            if told is not None and told not in (span.text, span.text.replace("\n", "\\n")):
                expected(place, f"{span.text!r}, the text at {start}:{end}", told, "export the text that was annotated")
            found.append(span)
        return found

    try:
        return counted(utf16=False)
    except DataError:
        if all(character <= "\uffff" for character in text) or not any("text" in value for value, _ in values):
            raise
        return counted(utf16=True)


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))


def read(path: str | PathLike[str], *, ontology: Ontology | None = None) -> list[Document]:
    """Reads a file with `loads`."""
    return loads(read_text(path), str(path), ontology=ontology)
