"""Annotated documents as `datasets.Dataset`, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ahdath.corpus.rows import META_KEYS, is_predicted, meta_keys, one_line, refuse, rows
from ahdath.errors import AhdathError, DataError
from ahdath.ontology import Ontology
from ahdath.schema import Document

if TYPE_CHECKING:
    from datasets import Dataset, Features

__all__ = ["features", "from_dataset", "to_dataset"]


def features(documents: Iterable[Document] = ()) -> Features:
    """The columns of corpus rows, for `load_dataset("json", data_files=…, features=features())`.

    With `documents`, also a column for every further key of their `meta`.
    """
    from datasets import Features, Value

    text, offset = Value("string"), Value("int64")
    span = {"text": text, "start": offset, "end": offset}
    attributes = {"modality": text, "polarity": text}
    event = {"type": text, "trigger": span, **attributes, "arguments": [{"role": text, **span}]}
    sentence = {"start": offset, "end": offset, "text": text, "types": [text]}
    meta = {"batch": text, "start": offset}
    everything = list(documents)
    for key in meta_keys(everything)[len(META_KEYS) :]:
        meta[key] = Value(_column(key, [document.meta.get(key) for document in everything]))
    return Features({"id": text, "text": text, "events": [event], "sentences": [sentence], "meta": meta})


def _column(key: str, values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values} - {type(None)}
    for kind, column in ((str, "string"), (bool, "bool"), (int, "int64"), (float, "float64")):
        if kinds <= {kind}:
            return column
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    expected = "values of one kind (str, bool, int or float)"
    raise DataError(f"meta.{key}: expected {expected}, found {found}; make them alike")


def to_dataset(documents: Iterable[Document]) -> Dataset:
    """Annotated documents as a `datasets.Dataset` with the columns of `features`.

    Raises DataError for documents with scores or a model, which those columns cannot hold, and for texts
    with lone surrogates, which Arrow cannot.
    """
    from datasets import Dataset

    everything = list(documents)
    for document in everything:
        where = f"Document {document.id!r}"
        if is_predicted(document):
            found = "one with scores or a model; use write_jsonl, which keeps them"
            raise DataError(f"{where}: expected an annotated document, found {found}")
        if re.search("[\ud800-\udfff]", document.text):
            raise DataError(f"{where}: expected Unicode text, found a lone surrogate; replace it")
    columns, made = features(everything), rows(everything)
    return Dataset.from_dict({key: [row[key] for row in made] for key in columns}, features=columns)


def from_dataset(dataset: Iterable[Mapping[str, Any]], ontology: Ontology | None = None) -> list[Document]:
    """The documents of a dataset (or any iterable of rows) with the columns of `features`.

    Raises one DataError with the first twenty rows that are wrong.
    """
    documents, problems = [], []
    for number, row in enumerate(dataset):
        try:
            documents.append(Document.from_dict(row, ontology))
        except AhdathError as error:
            problems.append(f"row {number}: {one_line(error)}")
    refuse(problems, "dataset")
    return documents
