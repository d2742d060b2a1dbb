"""spaCy `Doc`s whose `spans` hold triggers and arguments; a `.spacy` file (DocBin) of them. Out only.

A Doc's tokens are the words of `ahdath.text.words`; a token before white space other than one space is followed by a
token of that white space, as spaCy's own tokenizers do, so that `doc.text` is the text (https://spacy.io/api/doc:
`words`, `spaces`; https://spacy.io/api/span: `start` inclusive, `end` exclusive, in tokens;
https://spacy.io/api/spangroup: spans of a group may overlap, a list becomes a `SpanGroup` when it is assigned).
`doc.spans["events"]` has the triggers, labelled with the type; `doc.spans["arguments"]` the arguments, labelled with
the role; `doc.user_data["ahdath"]` the whole document as `Document.to_dict` gives it, whose spans `doc.spans` follow in
order, without those that no word is in (a space), which are counted. spaCy is an extra: `pip install 'ahdath[spacy]'`.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from os import PathLike
from typing import Any

from ahdath.errors import DataError, ModelError, shown
from ahdath.formats.losses import Losses
from ahdath.formats.records import plain_meta
from ahdath.schema import Document, Span
from ahdath.text import words

__all__ = ["to_docs", "tokens", "write"]

NAME = "spaCy"


def to_docs(documents: Sequence[Document], vocab: Any = None) -> list[Any]:
    """A `spacy.tokens.Doc` for every document. Raises ModelError where spaCy is not installed.

    `vocab` is the `Vocab` of the pipeline that the Docs go through; a blank Arabic one by default.
    """
    spacy = _spacy()
    vocab = spacy.blank("ar").vocab if vocab is None else vocab
    losses = Losses(NAME)
    docs = [_doc(spacy, vocab, document, losses) for document in documents]
    losses.warn()
    return docs


def _spacy() -> Any:
    try:
        import spacy
        import spacy.tokens
    except ImportError as error:
        raise ModelError("expected spaCy, found none installed; pip install 'ahdath[spacy]'") from error
    return spacy


def tokens(text: str) -> tuple[list[str], list[bool], list[int]]:
    """The words that spell `text`, whether a single space follows each, and where each starts."""
    pieces: list[tuple[int, int]] = []
    last = 0
    for start, end in [*words(text), (len(text), len(text))]:
        if start > last:
            one_space = bool(pieces) and text[last] == " "
            if last + one_space < start:
                pieces.append((last + one_space, start))
        if end > start:
            pieces.append((start, end))
        last = end
    follows = [
        text[b : b + 1] == " " and (n + 1 == len(pieces) or pieces[n + 1][0] == b + 1)
        for n, (_, b) in enumerate(pieces)
    ]
    return [text[a:b] for a, b in pieces], follows, [a for a, _ in pieces]


def _doc(spacy: Any, vocab: Any, document: Document, losses: Losses) -> Any:
    _check(document, document.text)
    forms, spaces, starts = tokens(document.text)
    doc = spacy.tokens.Doc(vocab, words=forms, spaces=spaces)
    ends = [a + len(form) for a, form in zip(starts, forms, strict=True)]

    def span(part: Span, label: str) -> Any:
        first, last = bisect_right(ends, part.start), bisect_left(starts, part.end)
        if first >= last:
            return None
        if (starts[first], ends[last - 1]) != (part.start, part.end):
            losses.add("borders inside a word (widened to whole words)")
        return spacy.tokens.Span(doc, first, last, label=label)

    events, arguments = [], []
    for event in document.events:
        trigger = span(event.trigger, event.type)
        if trigger is None:
            losses.add("events whose trigger has no word")
            losses.add("arguments of events that are left out", len(event.arguments))
            continue
        events.append(trigger)
        found = [made for a in event.arguments if (made := span(a.span, a.role)) is not None]
        losses.add("arguments that have no word", len(event.arguments) - len(found))
        arguments += found
    doc.spans["events"], doc.spans["arguments"] = events, arguments
    doc.user_data["ahdath"] = document.to_dict()
    return doc


def _check(document: Document, content: str, place: str | None = None) -> None:
    """Raises DataError for a lone surrogate in `content`, which is at `place` of the document; None: its text."""
    try:
        content.encode("utf-8")
    except UnicodeEncodeError as error:
        where = f"Document {document.id!r}: {error.start if place is None else place}"
        found = shown(content[error.start : error.start + 1])
        raise DataError(f"{where}: expected text that UTF-8 can hold, found {found}; replace it") from error


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a DocBin with spans and user data.

    Raises ModelError where spaCy is not installed, DataError for a lone surrogate in text, id or meta, and for a value in meta
    that JSON does not have.
    """
    for document in documents:
        _check(document, document.text)
        _check(document, json.dumps({**document.to_dict(), "meta": plain_meta(document)}, ensure_ascii=False), "id or meta")
    docs = to_docs(documents)
    content = _spacy().tokens.DocBin(docs=docs, store_user_data=True)
    try:
        content.to_disk(path)
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be written, found: {error.strerror or error}") from error
