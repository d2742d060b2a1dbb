"""From hand-written annotation to rows with offsets.

An annotator writes `{"id", "text", "events": [{"type", "trigger", "args": [[role, span], …]}]}`, where a span
is a string of whole words copied from the text and `#n` behind it picks its n-th occurrence. One file is one
batch; `SPLIT.json` beside the batches says which of them are held out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from ahdath.corpus.rows import load, meta_keys, refuse, write_jsonl
from ahdath.errors import AhdathError, DataError, shown
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Sentence, Span
from ahdath.text import sentences

__all__ = ["compile_corpus", "compile_record", "is_whole", "with_sentences"]

_WORD_CHARACTER = re.compile(r"[\w\u0610-\u061a\u064b-\u065f\u0670\u0640]")


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is neither preceded nor followed by a letter, digit or mark."""
    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    return not _WORD_CHARACTER.match(before) and not _WORD_CHARACTER.match(after)


def compile_record(record: Mapping[str, Any], ontology: Ontology, *, batch: str = "") -> Document:
    """One hand-written record as a Document with offsets and sentences.

    `batch` and further keys of the record go to `meta`. Raises one DataError with all that is wrong.

    >>> record = {"id": "1", "text": "قصف حلب ثم قصف حمص", "events": [
    ...     {"type": "Conflict.Attack", "trigger": "قصف#2", "args": [["Target", "حمص"]]}]}
    >>> compile_record(record, Ontology.default()).events[0].trigger
    Span(start=11, end=14, text='قصف')
    """
    for key, kind in (("id", str), ("text", str), ("events", list)):
        value = record.get(key) if isinstance(record, Mapping) else record
        if not isinstance(value, kind) or value == "":
            expected = f"a record with {key} ({kind.__name__}, not empty)"
            raise DataError(f"{key}: expected {expected}, found {shown(value)}; add it")
    problems: list[str] = []
    extra = {key: value for key, value in record.items() if key not in ("id", "text", "events")}
    for key, value in extra.items():
        if not isinstance(value, (str, int, float, type(None))):
            problems.append(f"{key}: expected a text, number or null, to carry over, found {shown(value)}")
    events: list[Event] = []
    for number, source in enumerate(record["events"]):
        try:
            event = _event(record["text"], source, ontology)
            if any((event.type, event.trigger) == (e.type, e.trigger) for e in events):
                raise DataError("the same type on the same trigger twice; use #n for another occurrence")
            events.append(event)
        except AhdathError as error:
            problems.append(f"events[{number}]: {error}")
    if problems:
        raise DataError("; ".join(problems))
    meta = {"batch": batch, "start": None, **extra}
    document = Document(record["text"], tuple(events), id=record["id"], meta=meta)
    document.check(ontology)
    return with_sentences(document)


def with_sentences(document: Document) -> Document:
    """The document with the sentences of its text, each with the types of the triggers that start in it."""
    found = []
    triggers = sorted((event.trigger.start, event.type) for event in document.events)
    for start, end in sentences(document.text):
        types = tuple(dict.fromkeys(name for place, name in triggers if start <= place < end))
        found.append(Sentence(start, end, document.text[start:end], types))
    return replace(document, sentences=tuple(found))


def _event(text: str, source: Any, ontology: Ontology) -> Event:
    allowed = ("type", "trigger", "args", *ontology.attributes)
    if not isinstance(source, Mapping) or set(source) - set(allowed):
        raise DataError(f"expected a mapping with only {', '.join(allowed)}, found {shown(source, 200)}")
    kind = ontology.event_type(source.get("type", "")).name
    where = f"{kind}, {shown(source.get('trigger'))}"
    pairs = source.get("args", [])
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise DataError(f"{where}: args: expected a list of [role, span], found {shown(pairs)}")
    try:
        arguments = [Argument(role, _locate(text, span)) for role, span in pairs]
        trigger = _locate(text, source.get("trigger"))
        given = {key: source[key] for key in ontology.attributes if key in source}
        event = Event(kind, trigger, tuple(arguments), ontology=ontology, **{**ontology.defaults, **given})
    except AhdathError as error:
        raise DataError(f"{where}: {error}") from error
    for argument, count in Counter(arguments).items():
        if count > 1:
            raise DataError(f"{where}: {argument.role} {argument.span.text!r} stands {count} times; keep one")
    return event


def _locate(text: str, marked: Any) -> Span:
    """The span that a string with an optional `#n` stands for; its edges are edges of words."""
    match = re.fullmatch(r"(.*?)(?:#(\d+))?", marked, flags=re.DOTALL) if isinstance(marked, str) else None
    string, nth = (match[1], int(match[2] or 1)) if match else ("", 1)
    if not string or string != string.strip() or nth < 1:
        expected = "words copied from the text, without spaces around them, the first occurrence being #1"
        raise DataError(f"expected {expected}, found {shown(marked)}")
    whole, at = [], text.find(string)
    while at >= 0:
        end = at + len(string)
        if is_whole(text, at, end):
            whole.append(at)
        at = text.find(string, end if at in whole[-1:] else at + 1)
    if len(whole) < nth:
        remedy = "; inside longer words: take the whole word" if string in text and not whole else ""
        raise DataError(f"span {marked!r}: expected as whole words, found {len(whole)} time(s){remedy}")
    return Span.of(text, whole[nth - 1], whole[nth - 1] + len(string))


def compile_corpus(
    source_dir: str | PathLike[str], output_dir: str | PathLike[str], ontology: Ontology | None = None
) -> dict[str, int]:
    """Compiles the batches `*.jsonl` of `source_dir` into files in `output_dir`: their names and row counts.

    `SPLIT.json` there gives each slice (`dev`, `test`, …) its batches; a batch not named there is train.
    A batch under `apart` becomes a file of its own (`seed-article` → `article.jsonl`), and where its whole
    text lies in `output_dir` (`article.txt`), every paragraph must stand in it at its `start`. Batches go by
    name, lines stay in order. Raises one DataError for all that is wrong, and then nothing is written.
    """
    ontology = ontology or Ontology.default()
    slices: dict[str, list[Document]] = {}
    problems: list[str] = []
    for batch, name in sorted(_assign(Path(source_dir)).items()):
        path = Path(source_dir) / f"{batch}.jsonl"
        found, wrong = load(path, partial(compile_record, ontology=ontology, batch=batch))
        problems += wrong + _misplaced(found, path, Path(output_dir) / f"{name}.txt")
        slices.setdefault(name, []).extend(document for _, document in found)
    everything = [document for documents in slices.values() for document in documents]
    for repeated, count in Counter(document.id for document in everything).items():
        if count > 1:
            problems.append(f"{source_dir}: expected every id once, found {repeated!r} {count} times")
    refuse(problems, str(source_dir))
    columns = dict.fromkeys(meta_keys(everything))  # all files get the same, also where only one uses a key
    for name, documents in slices.items():
        write_jsonl(
            Path(output_dir) / f"{name}.jsonl", [replace(d, meta={**columns, **d.meta}) for d in documents]
        )
    return {name: len(documents) for name, documents in slices.items()}


def _misplaced(found: list[tuple[int, Document]], path: Path, whole: Path) -> list[str]:
    """A problem for every paragraph that does not stand at its `start` in the whole text, if there is one."""
    if not whole.exists():
        return []
    try:
        text, problems = whole.read_bytes().decode("utf-8"), []
    except UnicodeDecodeError as error:
        return [f"{whole}: expected UTF-8, found {error}; save the file as UTF-8"]
    for number, document in found:
        start = document.meta["start"]
        if not isinstance(start, int) or not text.startswith(document.text, start):
            expected = f"the offset of the paragraph in {whole}"
            problems.append(f"{path}:{number}: start: expected {expected}, found {shown(start)}")
    return problems


def _assign(source: Path) -> dict[str, str]:
    """Batch -> name of the file that its rows go to."""
    path = source / "SPLIT.json"
    try:
        split = json.loads(path.read_bytes())
        held_out = [(batch, name) for name, names in split.items() if name != "note" for batch in names]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        expected = '{"dev": [batch, …], "test": [batch, …], "apart": [batch, …]}'
        raise DataError(f"{path}: expected {expected}, found: {error}") from error
    assigned = {file.stem: "train" for file in source.glob("*.jsonl")}
    for batch, name in held_out:
        if not isinstance(batch, str) or assigned.get(batch) != "train":
            expected = "batches that have a file, each in one place"
            raise DataError(f"{path}: {name}: expected {expected}, found {shown(batch)}")
        assigned[batch] = batch.removeprefix("seed-") if name == "apart" else name
    return assigned
