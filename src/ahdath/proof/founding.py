"""The founding article, scored as its paragraphs and as one text, and a pass/fail list of some of its events.

The list stands in `seeds/article.checks.jsonl`: a trigger with its type, and the one argument without which the
event says little. This module knows nothing of models; it asks an extractor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ahdath import metrics
from ahdath.corpus import read_jsonl, with_sentences
from ahdath.errors import DataError, shown
from ahdath.evaluation import Extractor
from ahdath.schema import Argument, Document, Event, Span

__all__ = ["Check", "article", "as_one_text", "read_checks", "run_checks"]

_MEASURES = ("TC", "AC+", "AC+ overlap")


@dataclass(frozen=True, slots=True)
class Check:
    """An event that must be found in the paragraph `document`: what it is about, and where it stands.

    `event` holds the trigger and, as its only argument, the key one.
    """

    name: str
    document: str
    event: Event

    @property
    def key(self) -> Argument:
        """The argument without which the event says little."""
        return self.event.arguments[0]


def read_checks(path: str | Path, paragraphs: Sequence[Document]) -> list[Check]:
    """The checks of a file, found in their paragraphs.

    A row has `name`, `document`, `type`, `trigger` {"text", "occurrence"}, the n-th time that the text stands
    there, and `argument` {"role", "text"}, an argument of that event. Raises DataError for a row whose event or
    argument the annotation does not have.
    """
    known = {document.id: document for document in paragraphs}
    checks = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        document = known.get(row["document"])
        if document is None:
            raise DataError(f"{path}:{number}: document {shown(row['document'])}: expected one of {', '.join(known)}")
        start = -1
        for _ in range(row["trigger"]["occurrence"]):
            start = document.text.find(row["trigger"]["text"], start + 1)
        wanted = (row["type"], start, start + len(row["trigger"]["text"]))
        for event in document.events:
            if (event.type, event.trigger.start, event.trigger.end) == wanted:
                key = [a for a in event.arguments if {"role": a.role, "text": a.span.text} == row["argument"]]
                if key:
                    checks.append(Check(row["name"], document.id, replace(event, arguments=tuple(key[:1]))))
                    break
        else:
            raise DataError(
                f"{path}:{number}: expected an event and an argument that {document.id} is annotated with, "
                f"found {shown(row)}; correct the row"
            )
    return checks


def as_one_text(text: str, paragraphs: Sequence[Document]) -> Document:
    """The annotation of paragraphs that stand in `text` at their `meta["start"]`, as one document over it."""

    def moved(span: Span, by: int) -> Span:
        return Span(span.start + by, span.end + by, span.text)

    events = []
    for document in paragraphs:
        by = int(document.meta["start"])
        for event in document.events:
            arguments = tuple(Argument(a.role, moved(a.span, by), a.score) for a in event.arguments)
            events.append(replace(event, trigger=moved(event.trigger, by), arguments=arguments))
    return with_sentences(Document(text, tuple(events), id="article"))


def run_checks(checks: Sequence[Check], predicted: Sequence[Document]) -> list[dict[str, Any]]:
    """What became of each check: is the trigger there with its type, and its key argument `exact`, `overlap` or `no`?

    `predicted` are answers to the paragraphs, with the ids of the paragraphs.
    """
    answers = {document.id: document for document in predicted}
    rows = []
    for check in checks:
        event, key = check.event, check.key
        found = [
            one
            for one in answers[check.document].events
            if (one.type, one.trigger.start, one.trigger.end) == (event.type, event.trigger.start, event.trigger.end)
        ]
        spans = [(a.span.start, a.span.end) for one in found for a in one.arguments if a.role == key.role]
        overlaps = any(a < key.span.end and key.span.start < b for a, b in spans)
        argument = "exact" if (key.span.start, key.span.end) in spans else "overlap" if overlaps else "no"
        rows.append(
            {
                "name": check.name,
                "document": check.document,
                "type": event.type,
                "trigger": event.trigger.text,
                "role": key.role,
                "text": key.span.text,
                "found": bool(found),
                "argument": argument,
            }
        )
    return rows


def article(extractor: Extractor, seeds: str | Path) -> dict[str, Any]:
    """Score the founding article in the folder `seeds`, as paragraphs and as one text, and run its checks.

    Gives precision, recall and F1 in [0, 1] of TC, AC+ and AC+ overlap under "paragraphs" and "whole", the
    checks under "checks" (`run_checks`) and how many passed under "passed": trigger with type, and of these
    those with the key argument exact, or at least overlapping.
    """
    folder = Path(seeds)
    gold = read_jsonl(folder / "article.jsonl")
    text = (folder / "article.txt").read_bytes().decode("utf-8")
    answers = extractor.classify_many(document.text for document in gold)
    predicted = [replace(answer, id=document.id) for answer, document in zip(answers, gold, strict=True)]
    whole = [as_one_text(text, gold)]
    (found,) = extractor.classify_many([text])
    checks = run_checks(read_checks(folder / "article.checks.jsonl", gold), predicted)
    return {
        "paragraphs": _scores(gold, predicted),
        "whole": _scores(whole, [replace(found, id="article")]),
        "checks": checks,
        "passed": {
            "of": len(checks),
            "trigger": sum(row["found"] for row in checks),
            "exact": sum(row["argument"] == "exact" for row in checks),
            "overlap": sum(row["argument"] != "no" for row in checks),
        },
    }


def _scores(gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
    measures = metrics.score(gold, predicted, bootstrap=0).measures
    rows = {name: measures[name] for name in _MEASURES}
    return {name: {"precision": s.precision, "recall": s.recall, "f1": s.f1} for name, s in rows.items()}
