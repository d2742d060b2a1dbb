"""Labelled documents -> the files of a shard, written so that a kill at any moment leaves them whole or not there.

    documents/part-0000000.parquet    a row a document, events and sentences nested in it
    events/part-0000000.parquet       a row an event: the columns of `formats.table`, and which weights found it
    manifests/part-0000000.json       what came of the rows, bad ones included; it is written last and means: done

All three are written under another name, flushed to the disk, and renamed. The layouts are stable: columns may be
added in later versions, none will change its name or type.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ahdath.bulk.reading import Row
from ahdath.errors import DataError
from ahdath.formats import table
from ahdath.formats.losses import FormatWarning
from ahdath.formats.records import json_line
from ahdath.ontology import Ontology
from ahdath.schema import Document

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "FOLDERS",
    "document_schema",
    "event_schema",
    "finished",
    "manifest",
    "nested",
    "part",
    "read_documents",
    "replace_file",
    "write_manifest",
    "write_shard",
]

FOLDERS = ("documents", "events", "manifests")
_PLACE = ("file", "row")  # of a document in the inputs
_PART = re.compile(r"part-(\d{7,})\.(?:parquet|json)")


def part(output: Path, folder: str, number: int) -> Path:
    """The path of one of a shard's files; folder is one of FOLDERS."""
    return output / folder / f"part-{number:07d}.{'json' if folder == 'manifests' else 'parquet'}"


def document_schema() -> pa.Schema:
    """The columns of documents/: offsets count code points of `text`, `start` those of the text file before it."""
    import pyarrow as pa

    string, number, score = pa.string(), pa.int64(), pa.float64()
    span = [("text", string), ("start", number), ("end", number)]
    scored = pa.list_(pa.struct([("type", string), ("score", score)]))
    arguments = pa.list_(pa.struct([("role", string), *span, ("score", score)]))
    event = [("type", string), ("trigger", pa.struct(span)), ("modality", string), ("polarity", string)]
    events = pa.list_(pa.struct([*event, ("score", score), ("arguments", arguments)]))
    sentence = [("start", number), ("end", number), ("types", pa.list_(string)), ("scores", scored)]
    columns = [("id", string), ("text", string), ("file", string), ("row", number), ("start", number)]
    columns += [("events", events), ("sentences", pa.list_(pa.struct(sentence))), ("types", scored)]
    return pa.schema([*columns, ("model", string), ("model_digest", string), ("ontology", string)])


def event_schema() -> pa.Schema:
    """The columns of events/: those of `formats.table`, then `model_digest`, `file` and `row`."""
    import pyarrow as pa

    kinds = {"event": pa.int64(), "start": pa.int64(), "end": pa.int64(), "row": pa.int64(), "score": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in (*table.FIELDS, "model_digest", *_PLACE)])


def nested(document: Document) -> dict[str, Any]:
    """Events, sentences and what made them, as the columns of documents/ have them; sentences without their text."""
    return {
        "events": [event.to_dict() for event in document.events],
        "sentences": [
            {"start": s.start, "end": s.end, "types": list(s.types), "scores": _scored(s.scores)}
            for s in document.sentences
        ],
        "types": _scored(document.types),
        "model": document.model,
        "ontology": document.ontology,
    }


def _scored(scores: Mapping[str, float] | None) -> list[dict[str, Any]] | None:
    return None if scores is None else [{"type": name, "score": score} for name, score in scores.items()]


def write_shard(output: Path, number: int, rows: Sequence[Row], documents: Sequence[Document], digest: str) -> int:
    """Write documents/ and events/ of a shard; how many events. `digest` names the weights.

    The shard counts only once its manifest is there.
    """
    import pyarrow as pa

    told, events = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormatWarning)  # what the table has no place for stands in documents/
        for row, document in zip(rows, documents, strict=True):
            place = {"file": row.file, "row": row.row, "model_digest": digest}
            told.append({"id": row.id, "text": row.text, **place, "start": row.start, **nested(document)})
            events += [{**event, **place, "document": row.id} for event in table.rows([document])]
    for folder, found, schema in (("documents", told, document_schema()), ("events", events, event_schema())):
        _write_parquet(part(output, folder, number), pa.Table.from_pylist(found, schema=schema))
    return len(events)


def _write_parquet(path: Path, content: pa.Table) -> None:
    from pyarrow import parquet

    fresh = _beside(path)
    parquet.write_table(content, str(fresh), compression="zstd")
    _rename(fresh, path)


def replace_file(path: Path, lines: Iterator[str]) -> None:
    """Write lines of text to a file that is then there as a whole."""
    fresh = _beside(path)
    with fresh.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(lines)
    _rename(fresh, path)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


def _rename(fresh: Path, path: Path) -> None:
    """Onto the disk, then under its name: after a loss of power too a file is whole or not there."""
    _flush(fresh, os.O_RDWR)
    os.replace(fresh, path)
    if os.name == "posix":
        _flush(path.parent, os.O_RDONLY)


def _flush(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_manifest(output: Path, number: int, found: Mapping[str, Any]) -> None:
    """Write the manifest of a shard, which makes it count."""
    replace_file(part(output, "manifests", number), iter([json_line(dict(found))]))


def manifest(output: Path, number: int) -> dict[str, Any]:
    """The manifest of a finished shard."""
    found: dict[str, Any] = json.loads(part(output, "manifests", number).read_text(encoding="utf-8"))
    return found


def finished(output: Path) -> set[int]:
    """The numbers of the shards whose three files are there."""
    return set.intersection(*({number for number, _ in _parts(output / folder)} for folder in FOLDERS))


def _parts(folder: Path) -> list[tuple[int, Path]]:
    """The numbers and files of shards, in order; a stray copy (`part-0000000 (1).parquet`) is none."""
    named = ((_PART.fullmatch(path.name), path) for path in folder.glob("part-*"))
    return sorted((int(found[1]), path) for found, path in named if found)


def read_documents(output: str | Path) -> Iterator[Document]:
    """The documents of a labelled folder in the order of the inputs, as `Document`s; `meta` has file, row and start.

    Events carry no ontology of their own; `document.ontology` is the digest of the one they are of.

    Raises DataError, at once, for a folder that is none that `label` has written.
    """
    folder = Path(output) / "documents"
    if not folder.is_dir():
        raise DataError(f"{output}: expected a folder that ahdath label has written, found no documents/ in it; check the path")
    return _documents(folder)


def _documents(folder: Path) -> Iterator[Document]:
    from pyarrow import parquet

    default = Ontology.default()
    for _, path in _parts(folder):
        for batch in parquet.ParquetFile(path).iter_batches(256):
            for row in batch.to_pylist():
                yield _document(row, default if row["ontology"] == default.digest else None)


def _document(row: dict[str, Any], ontology: Ontology | None) -> Document:
    text = row["text"]
    sentences = [
        {"start": s["start"], "end": s["end"], "text": text[s["start"] : s["end"]], "types": s["types"],
         "scores": _mapping(s["scores"])}
        for s in row["sentences"]
    ]  # fmt: skip
    meta = {key: row[key] for key in (*_PLACE, "start", "model_digest")}
    kept = {key: row[key] for key in ("id", "text", "events", "model", "ontology")}
    return Document.from_dict({**kept, "sentences": sentences, "types": _mapping(row["types"]), "meta": meta}, ontology)


def _mapping(scored: Sequence[Mapping[str, Any]] | None) -> dict[str, float] | None:
    return None if scored is None else {one["type"]: one["score"] for one in scored}
