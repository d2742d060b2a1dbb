"""Long texts made of short ones, and the windows they are read in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ahdath.corpus import read_jsonl
from ahdath.inference import EventExtractor
from ahdath.proof import windows
from ahdath.schema import Document

ROOT = Path(__file__).parents[1]


def test_joined_documents_keep_their_events() -> None:
    documents = read_jsonl(ROOT / "seeds" / "dev.jsonl")[:10]
    whole = windows.joined(documents, 4)
    assert [len(one.text.split()) > 0 for one in whole] == [True] * 3
    assert sum(len(one.events) for one in whole) == sum(len(one.events) for one in documents)
    for one in whole:
        spans = [event.trigger for event in one.events] + [a.span for event in one.events for a in event.arguments]
        assert all(one.text[span.start : span.end] == span.text for span in spans)
        assert "\n" not in one.text
    assert sorted("".join(one.text for one in whole).replace(" ", "")) == sorted("".join(d.text for d in documents).replace(" ", ""))


def test_every_setting_is_measured_and_the_tokenizer_is_left_alone(embedded: EventExtractor, documents: list[Document]) -> None:
    documents = [replace(document, id=str(number)) for number, document in enumerate(documents)]
    before = embedded.tokenizer.max_length, embedded.tokenizer.context
    rows = windows.measure(embedded, documents, [(32, 2), (32, 8), (16, 2)], size=4)
    assert (embedded.tokenizer.max_length, embedded.tokenizer.context) == before
    assert [(row["length"], row["context"]) for row in rows] == [(None, None), (32, 2), (32, 8), (16, 2)]
    assert rows[1]["pieces"] <= rows[2]["pieces"]
    table = windows.table(rows)
    assert table.count("\n") == 5
    assert "| not joined | – | – |" in table
